"""Images of one line of text -> batches: formats, normalisation, characters, augmentation, rendering."""
