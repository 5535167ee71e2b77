"""Log-probabilities of steps -> texts."""
