"""Random numbers that are functions of a key and a position: kept words and drawn words.

What is drawn at a position depends on nothing that was drawn before it. So work may be cut,
shared, stopped and resumed anywhere, and the same words are drawn.
"""

from __future__ import annotations

import numpy as np

from lexon.kernels.compile import kernel
from lexon.kernels.lean import part

u32, u64 = np.uint32, np.uint64

#: What is drawn for different purposes at one position has nothing to do with each other: a key
#: is changed by these. (One number for whether a word is kept and for its window's reach would
#: give the frequent words, kept at low numbers only, the longest windows.)
OF_WINDOWS, OF_POOLS = u64(0x6A09E667F3BCC908), u64(0xBB67AE8584CAA73B)


@part
def mixed(key, position):
    """64 random bits for a position: SplitMix64 (Steele, Lea and Flood 2014), its generator's
    state being ``key`` advanced ``position`` times."""
    z = u64(key) + u64(position) * u64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> u64(30))) * u64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> u64(27))) * u64(0x94D049BB133111EB)
    return z ^ (z >> u64(31))


@part
def advanced(state):
    """The next state of a linear congruential generator (PCG's, O'Neill 2014)."""
    return state * u64(6364136223846793005) + u64(1442695040888963407)


@part
def bits(state):
    """32 random bits of a state (PCG XSH RS)."""
    return u32((state ^ (state >> u64(22))) >> (u64(22) + (state >> u64(61))))


@part
def below(number, size):
    """A random integer from 0 to size - 1, of 32 random bits."""
    return np.int64((u64(number) * u64(size)) >> u64(32))


@part
def drawn(number, thresholds, others):
    """A word from a table of aliases (Walker 1977), of 32 random bits.

    The high part of number * size chooses a place, the low part between its two words.
    """
    scaled = u64(number) * u64(thresholds.size)
    place = scaled >> u64(32)
    # Both words and no branch: which it is nobody can predict.
    own = np.int64(u32(scaled) <= thresholds[place])
    return own * np.int64(place) + (1 - own) * np.int64(others[place])


@part
def is_kept(word, position, key, keep):
    """Whether the word at a position stays: keep holds probabilities in units of 2**-32, less 1."""
    return u32(mixed(key, position) >> u64(32)) <= keep[word]


@kernel
def alias_table(probabilities, thresholds, others):
    """Fill a table from which words are drawn with the given probabilities (Vose 1991)."""
    size = probabilities.size
    share = probabilities * (size / probabilities.sum())
    small, large = np.empty(size, np.int64), np.empty(size, np.int64)
    low = high = 0
    for word in range(size):
        if share[word] < 1:
            small[low] = word
            low += 1
        else:
            large[high] = word
            high += 1
    while low > 0 and high > 0:
        low -= 1
        poor, rich = small[low], large[high - 1]
        thresholds[poor] = u32(share[poor] * 4294967295.0)
        others[poor] = rich
        share[rich] -= 1 - share[poor]
        if share[rich] < 1:
            high -= 1
            small[low] = rich
            low += 1
    for i in range(low):
        thresholds[small[i]] = 4294967295
        others[small[i]] = small[i]
    for i in range(high):
        thresholds[large[i]] = 4294967295
        others[large[i]] = large[i]


@kernel
def draw(key, first, thresholds, others, out):
    """out[i] = the word drawn at position first + i."""
    for i in range(out.size):
        out[i] = drawn(u32(mixed(key, first + i) >> u64(32)), thresholds, others)
