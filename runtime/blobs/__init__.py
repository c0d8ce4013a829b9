"""Where originals and derived files are kept."""
