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
def drawn(number, aliases):
    """A word from a table of aliases (Walker 1977), of 32 random bits.

    The high part of number * size chooses a place, the low part between its two words: the
    place's own number up to the threshold, its alias above. A place is one number, threshold
    and alias, so that both come with one load.
    """
    scaled = u64(number) * u64(aliases.size)
    place = scaled >> u64(32)
    threshold, alias = u32(aliases[place] >> u64(32)), u32(aliases[place])
    return np.int64(u32(place) if u32(scaled) <= threshold else alias)


@part
def is_kept(word, position, key, keep):
    """Whether the word at a position stays: keep holds probabilities in units of 2**-32, less 1."""
    return u32(mixed(key, position) >> u64(32)) <= keep[word]


@kernel
def alias_table(probabilities, aliases):
    """Fill a table from which words are drawn with the given probabilities (Vose 1991).

    aliases (uint64) = 2**32 * threshold + alias, see ``drawn``.
    """
    size = probabilities.size
    share = probabilities * (size / probabilities.sum())
    small, large = np.empty(size, np.int64), np.empty(size, np.int64)
    low = high = 0
    for word in range(size):
        aliases[word] = u64(4294967295) << u64(32) | u64(word)
        if share[word] < 1:
            small[low] = word
            low += 1
        else:
            large[high] = word
            high += 1
    while low > 0 and high > 0:
        low -= 1
        poor, rich = small[low], large[high - 1]
        aliases[poor] = u64(share[poor] * 4294967295.0) << u64(32) | u64(rich)
        share[rich] -= 1 - share[poor]
        if share[rich] < 1:
            high -= 1
            small[low] = rich
            low += 1


@kernel
def draw(key, first, aliases, out):
    """out[i] = the word drawn at position first + i."""
    for i in range(out.size):
        out[i] = drawn(u32(mixed(key, first + i) >> u64(32)), aliases)
