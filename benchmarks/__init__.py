"""lexon beside its peers."""
