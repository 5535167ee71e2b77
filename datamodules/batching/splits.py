"""The splits of a data set: train, validation (`val`) and test."""

from __future__ import annotations

from datamodules.errors import BadInput

SPLITS = ("train", "val", "test")


def format_sizes(sizes: dict[str, int]) -> str:
    """Parts and their sizes, in a line for people."""
    return ", ".join(f"{split} {size:,}" for split, size in sizes.items())


def check_fractions(val_fraction: float, test_fraction: float) -> None:
    """Raises: BadInput: the two leave nothing to train on."""
    if val_fraction + test_fraction >= 1:
        raise BadInput(
            f"datamodule.val_fraction={val_fraction} and test_fraction={test_fraction} leave nothing to train on"
        )
