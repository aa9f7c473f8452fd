"""What can go wrong, as a tree.

    LexonError
    ├── InputError             what the user gave cannot be used: file, column, option, text
    │   ├── DataFileError      a data file: missing, empty, undecodable, ragged, no such column
    │   └── ModelFileError     a model file: truncated, altered, newer, or not one at all
    ├── ShapeError             two arrays disagree about the size of a named dimension
    ├── GraphError             the graph was used in a way it does not allow
    └── NonFiniteError         a number left the finite range; names node, module and line

Every message says what is wrong, where, and what to do about it. On the command line an
``InputError`` or ``NonFiniteError`` ends the program with exit code 2 and no traceback.
"""

from __future__ import annotations


class LexonError(Exception):
    """The root of all errors that lexon raises on purpose."""


class InputError(LexonError, ValueError):
    """What the user gave cannot be used; the message tells what, where and the remedy."""


class DataFileError(InputError):
    """A data file cannot be read as asked."""


class ModelFileError(InputError):
    """A model file cannot be loaded."""


class ShapeError(LexonError, ValueError):
    """Two arguments disagree about the size of a named dimension."""


class GraphError(LexonError, RuntimeError):
    """The computational graph was used in a way it does not allow."""


class NonFiniteError(LexonError, ArithmeticError):
    """A value became NaN or infinite."""
