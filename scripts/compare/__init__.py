"""Comparison of runs: leaderboard, significance, pairs, report."""
