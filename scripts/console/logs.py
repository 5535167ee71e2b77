"""Logging: where log lines go."""

import logging
import sys
import warnings
from typing import TextIO


class StandardError(logging.StreamHandler):
    """Writes to what is standard error now, so that lines appear above a live progress bar, not through it."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:
        return sys.stderr

    @stream.setter
    def stream(self, stream: TextIO) -> None:
        pass


def quiet_lightning() -> None:
    """Keep Lightning from remarking on what this project does on purpose; to be called when it has been imported."""
    for name in ("pytorch_lightning", "lightning_fabric", "lightning.pytorch", "pytorch_lightning.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for message in (
        ".*does not have many workers.*",
        ".*TensorBoardLogger.*",
        ".*GPU available but not used.*",
        ".*exists and is not empty.*",
        ".*`isinstance\\(treespec, LeafSpec\\)` is deprecated.*",
        ".*smaller than the logging interval.*",
        ".*module\\(s\\) in eval mode.*",
        ".*sync_dist=True.*",
        ".*`srun` command is available.*",
    ):
        warnings.filterwarnings("ignore", message=message)


def plain_logs() -> None:
    """Log lines of the commands that Hydra does not configure."""
    handler = StandardError()
    handler.setFormatter(logging.Formatter("%(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
