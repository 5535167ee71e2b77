"""Finished runs as models that run elsewhere: what a format needs.  Each task names the module with the rest."""
