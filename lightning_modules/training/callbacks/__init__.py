"""What happens beside training: checkpoints, progress, early stopping."""
