"""Texts: reading labelled files, normalising, and turning them into token ids."""
