"""What `predict.py` does for each task: its options, its inputs, its words."""
