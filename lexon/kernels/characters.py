"""Words of a text that is written without spaces: every character, letters and digits in runs.

The same in plain Python: ``reference_tokens.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lexon.kernels.compile import kernel

Array = npt.NDArray[Any]

#: Kinds of characters: between words (as a line feed is), a word of its own, in runs, belonging
#: to the one before or else alone, and belonging to the one before or else between words.
BETWEEN, ALONE, RUN, MARK, JOINER = range(5)


def split_characters(text: Array, size: int, kinds: Array) -> tuple[Array, Array, Array]:
    """Where the words of the first ``size`` bytes start and stop, and the ends of the lines.

    The text is valid UTF-8. A mark belongs to what stands before it, and a run goes on behind it.

    Shapes: kinds (characters,) uint8, the kind of each; of characters beyond it, that of the last;
    starts, stops (N,) int64; borders (L,) int64, for each line feed how many words stand before.
    """
    # Every byte but those that go on with a character can begin a word.
    most = int(np.count_nonzero((text[:size] & 0xC0) != 0x80))
    starts, stops = np.empty(most, np.int64), np.empty(most, np.int64)
    borders = np.empty(np.count_nonzero(text[:size] == 10), np.int64)
    words = _split(text, size, kinds, starts, stops, borders)
    return starts[:words], stops[:words], borders


@kernel
def _split(text, size, kinds, starts, stops, borders):
    words = lines = 0
    at, state = np.int64(0), BETWEEN
    while at < size:
        first = np.int64(text[at])
        length = 1 + (first >= 0xC0) + (first >= 0xE0) + (first >= 0xF0)
        point = first & (0xFF >> (length + (length > 1)))
        for k in range(1, length):
            point = np.int64(point << 6 | (np.int64(text[at + k]) & 0x3F))
        kind = np.int64(kinds[min(point, len(kinds) - 1)])
        if kind == JOINER:
            kind = np.int64(MARK if state != BETWEEN else BETWEEN)
        joins = (kind == MARK and state != BETWEEN) or (kind == RUN and state == RUN)
        if kind != BETWEEN and not joins:
            starts[words] = at
            words += 1
            state = RUN if kind == RUN else ALONE
        if kind == BETWEEN:
            state = BETWEEN
            if first == 10:
                borders[lines] = words
                lines += 1
        else:
            stops[words - 1] = at + length
        at += length
    return words
