"""Many runs from one command: which ones, on what, in which order, and what they came to."""
