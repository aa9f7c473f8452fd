"""Finding words and numbers in the bytes of vector files.

A binary record is a word, a space and D float32; the bytes of a file are walked once to find where
the words end, and the numbers are then copied. A text record is a line: a word and D decimal
numbers. What these kernels are not sure of they leave to the caller, who reads it slowly.
"""

from __future__ import annotations

import numpy as np

from lexon.kernels.compile import inlined, kernel
from lexon.kernels.shared import shared
from lexon.kernels.simd import copy, lanes

_SPACE, _TAB, _NEWLINE, _RETURN = b" \t\n\r"
_PLUS, _MINUS, _POINT, _ZERO, _SMALL_E, _LARGE_E = b"+-.0eE"
#: What fits a float64 exactly: so many digits, and powers of ten up to this one.
_DIGITS, _POWER = 15, 22
#: Bytes that are copied at a time.
_COPIED = lanes(4)
_INFINITE = np.uint32(0x7F800000)
_TENS = np.array([10.0**n for n in range(_POWER + 1)])


@kernel
def find_records(data, width, starts, ends):
    """Where words of whole records start and end, ``width`` bytes of numbers behind each.

    Line ends before a word are no part of it. Returns how many records were found, and where
    the first byte behind the last of them is.
    """
    size, at, found = data.size, 0, 0
    while found < starts.size:
        start = at
        while start < size and data[start] == _NEWLINE:
            start += 1
        end = start
        while end < size and data[end] != _SPACE:
            end += 1
        if end >= size or end + 1 + width > size:
            break
        starts[found] = start
        ends[found] = end
        found += 1
        at = end + 1 + width
    return found, at


@shared
def copy_records(first, last, data, ends, numbers, bits, finite):
    """Copy the bytes of the numbers behind the spaces at ``ends``; and tell which rows are finite.

    Shapes: ``numbers`` (N, 4 D) uint8, and ``bits`` (N, D) uint32, the same memory.
    """
    width, flat = numbers.shape[1], numbers.reshape(-1)
    whole = width // _COPIED * _COPIED
    for row in range(first, last):
        at, to = ends[row] + 1, row * width
        for n in range(0, whole, _COPIED):
            copy(data, at + n, flat, to + n)
        for n in range(whole, width):
            flat[to + n] = data[at + n]
        strange = 0
        for n in range(bits.shape[1]):
            strange += (bits[row, n] & _INFINITE) == _INFINITE
        finite[row] = strange == 0


@shared
def parse_lines(first, last, data, starts, stops, word_ends, numbers, known):
    """Read lines of a word and D numbers, single blanks between them.

    Equations: a number is float32(float64(text)). Its first 15 digits m give m 10^e and
    (m + 1) 10^e, each rounded once; the text lies between them, so where both round to one
    float32, that is it. Else, and for any other line, ``known`` is False.
    """
    width = numbers.shape[1]
    for row in range(first, last):
        start, stop = starts[row], stops[row]
        while stop > start and _blank(data[stop - 1]):
            stop -= 1
        at = start
        while at < stop and data[at] != _SPACE and data[at] != _TAB:
            at += 1
        word_ends[row] = at
        good = at > start
        column = 0
        while good and at < stop:
            good, at, number = _number(data, at + 1, stop)
            if good and column < width:
                numbers[row, column] = number
            column += 1
        known[row] = good and column == width


@inlined
def _blank(sign):
    return sign == _SPACE or sign == _TAB or sign == _RETURN


@inlined
def _number(data, at, stop):
    """Whether a number stands at a place, where it ends, and its value."""
    sign = 1.0
    if at < stop and (data[at] == _MINUS or data[at] == _PLUS):
        sign = -1.0 if data[at] == _MINUS else 1.0
        at += 1
    mantissa, digits, power, seen, cut = 0, 0, 0, 0, False
    fraction = False
    while at < stop:
        digit = int(data[at]) - _ZERO
        if 0 <= digit <= 9:
            seen += 1
            if digits < _DIGITS:
                mantissa = 10 * mantissa + digit
                digits += mantissa > 0
                power -= fraction
            else:
                cut |= digit > 0
                power += not fraction
        elif data[at] == _POINT and not fraction:
            fraction = True
        else:
            break
        at += 1
    good = seen > 0
    if at < stop and (data[at] == _SMALL_E or data[at] == _LARGE_E):
        good, at, exponent = _exponent(data, at + 1, stop, good)
        power += exponent
    good &= at == stop or data[at] == _SPACE or data[at] == _TAB
    if power < -_POWER or power > _POWER:
        return good and mantissa == 0 and not cut, at, sign * 0.0
    low = _float32(mantissa, power)
    if cut:
        good &= low == _float32(mantissa + 1, power)
    return good, at, sign * low


@inlined
def _exponent(data, at, stop, good):
    sign = 1
    if at < stop and (data[at] == _MINUS or data[at] == _PLUS):
        sign = -1 if data[at] == _MINUS else 1
        at += 1
    value, digits = 0, 0
    while at < stop and _ZERO <= data[at] <= _ZERO + 9:
        value = min(10 * value + int(data[at]) - _ZERO, 1_000_000)
        digits += 1
        at += 1
    return good and digits > 0, at, sign * value


@inlined
def _float32(mantissa, power):
    value = float(mantissa) / _TENS[-power] if power < 0 else float(mantissa) * _TENS[power]
    return np.float32(value)
