"""Where vectors and words are searched: one contract, an adapter per product."""
