"""Callbacks: checkpoints, progress, early stopping, figures of gradients."""
