"""The table of cases; each has a file of its own."""

from __future__ import annotations

from benchmarks import mlp, products, recurrent, sentence, textcnn, word_vectors
from benchmarks.case import Case

CASES: dict[str, Case] = {
    "textcnn_epoch": textcnn.CASE,
    "mlp_step": mlp.CASE,
    "one_sentence": sentence.CASE,
    "product": products.CASE,
    "recurrent_equal": recurrent.EQUAL,
    "recurrent_sentences": recurrent.SENTENCES,
    **word_vectors.CASES,
}
