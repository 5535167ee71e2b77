"""Networks: architectures (a file each), their layers, tasks, baselines, and training."""

from lightning_modules.training import late_scipy

#: Whether this process only predicts and never trains.  Importing pytorch_lightning takes twice as long as importing
#: torch, so a program that needs no training sets this before it imports an architecture; architectures are then plain
#: torch modules.
INFERENCE_ONLY = False

late_scipy.install()
