"""Pieces that more than one architecture or task is built from."""
