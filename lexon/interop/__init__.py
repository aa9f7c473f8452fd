"""Weights of other libraries, by their names, without the libraries."""
