"""One file a revision, numbered; what is released is not changed any more."""
