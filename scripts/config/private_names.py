"""Private names of Hydra and Optuna that this project needs, in one place.

Read in hydra-core 1.3.8, optuna 5.0.0 and torch 2.13.0; whoever raises a version looks here.  Those of Lightning stand
in `lightning_modules/training/fast_loop.py`.
"""

from __future__ import annotations

import argparse
from typing import Any


def hydra_parser() -> argparse.ArgumentParser:
    """The parser of Hydra's own options (`hydra._internal.utils.get_args_parser`)."""
    from hydra._internal.utils import get_args_parser

    return get_args_parser()


def returned_error(result: Any) -> BaseException:
    """What a failed job of another launcher raised (`JobReturn._return_value`)."""
    return result._return_value


def trial_id(frozen: Any) -> int:
    """The id of an Optuna trial in its storage (`FrozenTrial._trial_id`), by which a live one is made again."""
    return frozen._trial_id


def reported_steps(study: Any, trial: Any) -> dict[int, float]:
    """Step -> value that a live Optuna trial has reported (`Study._storage`, `Trial._trial_id`)."""
    return study._storage.get_trial(trial._trial_id).intermediate_values


def tensorboard_writer(writer: Any) -> Any:
    """The writer of raw summaries below torch's (`SummaryWriter._get_file_writer`)."""
    return writer._get_file_writer()
