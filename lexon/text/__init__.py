"""From files to rows: readers, tokens, vocabulary, labels, splits."""

from lexon.text.batches import Ragged, portions
from lexon.text.conll import Tagged, read_tagged
from lexon.text.datasets import duplicates, standard_library_docs, stratified_holdout
from lexon.text.examples import Examples, read_examples
from lexon.text.files import read_table
from lexon.text.labels import Labels
from lexon.text.relations import MarkedText, Relations, read_relations
from lexon.text.stream import Stream
from lexon.text.table import Cell, Recognised, Scalar, Table
from lexon.text.tokens import Tokenizer
from lexon.text.vocabulary import Vocabulary

__all__ = [
    "Cell",
    "Examples",
    "Labels",
    "MarkedText",
    "Ragged",
    "Recognised",
    "Relations",
    "Scalar",
    "Stream",
    "Table",
    "Tagged",
    "Tokenizer",
    "Vocabulary",
    "duplicates",
    "portions",
    "read_examples",
    "read_relations",
    "read_table",
    "read_tagged",
    "standard_library_docs",
    "stratified_holdout",
]
