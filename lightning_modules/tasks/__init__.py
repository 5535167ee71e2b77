"""Tasks: input and output layers, loss, metrics and figures.  They know no architecture and no file."""
