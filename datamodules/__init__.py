"""Files -> batches: formats, cleaning, splits, vocabulary, scaling.  Knows no network."""
