"""The table of cases; each has a file of its own."""

from __future__ import annotations

from benchmarks import (
    language,
    mlp,
    products,
    recurrent,
    sentence,
    tagging,
    textcnn,
    vector_scale,
    vector_search,
    word_vectors,
)
from benchmarks.case import Case

CASES: dict[str, Case] = {
    "textcnn_epoch": textcnn.CASE,
    "mlp_step": mlp.CASE,
    "one_sentence": sentence.CASE,
    "product": products.CASE,
    "recurrent_equal": recurrent.EQUAL,
    "recurrent_sentences": recurrent.SENTENCES,
    **recurrent.COSTS,
    "language_step": language.CASE,
    "tagging": tagging.CASE,
    **word_vectors.CASES,
    "vector_search": vector_search.CASE,
    "vector_reading": vector_search.READING,
    **vector_scale.CASES,
}
