"""Models: texts to vectors, passages to answers."""
