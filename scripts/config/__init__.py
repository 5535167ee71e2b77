"""Command line -> settings that were checked, all problems at once."""
