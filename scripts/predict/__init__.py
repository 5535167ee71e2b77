"""Prediction with finished runs: a module a task, with its options, inputs and output."""
