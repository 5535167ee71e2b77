"""Counters of how good answers are, kept on the device and read once."""
