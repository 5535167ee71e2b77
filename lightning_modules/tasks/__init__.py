"""What is asked of a sequence.  Knows no architecture and no file."""
