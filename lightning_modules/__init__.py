"""Batches -> loss and answers: architectures, the tasks asked of them, and how they are trained."""

#: Whether this process only answers with finished runs and never trains.  Importing pytorch_lightning takes twice as
#: long as importing torch, so a program that needs no training sets this before it imports an architecture;
#: architectures are then plain torch modules.
INFERENCE_ONLY = False
