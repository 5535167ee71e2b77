"""Baselines that a trained network has to beat; they need no training loop."""
