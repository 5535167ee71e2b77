"""What a trained network has to beat: answers that need no training loop."""
