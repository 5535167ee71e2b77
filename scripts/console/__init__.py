"""Console: error messages, option parsers, tables, logs; shared by all commands."""
