"""Maximum over time from what each word makes of the filters, computed once for each word.

A filter over K rows is K slices, one per row: z[t, f] = b[f] + sum_k slice[f, k] . x[t + k]. Where
rows are looked up in a table, the products of a word with all slices serve wherever the word
stands; a text is then read by sums alone.
"""

from __future__ import annotations

import numpy as np

from lexon.kernels.compile import kernel


@kernel
def max_of_responses(responses, rows, lengths, windows, wide, bias, y):
    """y[b, windows side by side]: the largest value of every filter; 0 for a text of length 0.

    ``responses`` (words, sum of K F): window by window the K slices of its F filters; ``rows``
    (S): where each row of the texts stands there.
    """
    filters = y.shape[1] // windows.size
    z = np.empty(filters, y.dtype)
    start = 0
    for b in range(lengths.size):
        length = lengths[b]
        first_slice = 0
        for place in range(windows.size):
            window = windows[place]
            best = y[b, place * filters : (place + 1) * filters]
            b_f = bias[place * filters : (place + 1) * filters]
            best[:] = 0
            margin = window - 1 if wide else 0
            number = length + window - 1 if wide else max(length - window + 1, 1)
            for t in range(number if length else 0):
                low, high = max(0, margin - t), min(window, length + margin - t)
                for f in range(filters):
                    z[f] = b_f[f]
                for k in range(low, high):
                    at = first_slice + k * filters
                    heard = responses[rows[start + t - margin + k], at : at + filters]
                    for f in range(filters):
                        z[f] += heard[f]
                for f in range(filters):
                    better = (t == 0) | (z[f] > best[f]) | (z[f] != z[f])
                    best[f] = z[f] if better else best[f]
            first_slice += window * filters
        start += length
