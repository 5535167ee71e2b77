"""Files -> batches: formats, cleaning, splits, vocabulary, scaling.  Knows no network."""

#: The project's version; here, because everything else imports this package.
__version__ = "0.2.0"
