"""The commands, and the packages that they are made of."""
