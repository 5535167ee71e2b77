"""Private names of Hydra and Optuna that this project needs, in one place.

Read in hydra-core 1.3.8, optuna 5.0.0 and torch 2.13.0; whoever raises a version looks here.  Those of Lightning stand
in `lightning_modules/training/fast_loop.py`.
"""

from __future__ import annotations

import argparse
import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def hydra_parser() -> argparse.ArgumentParser:
    """The parser of Hydra's own options (`hydra._internal.utils.get_args_parser`)."""
    from hydra._internal.utils import get_args_parser

    return get_args_parser()


@contextlib.contextmanager
def composed_once() -> Iterator[None]:
    """Hydra's program composes its configuration once, not twice, where nothing can have set `hydra.mode`.

    `hydra._internal.hydra.Hydra.get_mode` composes all of it to read that key: 0.3 of the 1.1 seconds of a short run.
    """
    from hydra._internal.hydra import Hydra

    composing = Hydra.get_mode

    def get_mode(self: Hydra, config_name: str | None, overrides: list[str]) -> Any:
        if _may_set_the_mode(self.config_loader.get_sources(), overrides):
            return composing(self, config_name, overrides)
        return None  # what the configuration has, too

    Hydra.get_mode = get_mode  # type: ignore[method-assign]
    try:
        yield
    finally:
        Hydra.get_mode = composing  # type: ignore[method-assign]


def _may_set_the_mode(sources: list[Any], overrides: list[str]) -> bool:
    """Whether a word, a file of the project's conf, or any file of another folder may say something of `hydra.mode`."""
    if any(re.match(r"[+~]*hydra(\.mode|\.searchpath)?=", word) for word in overrides):
        return True
    for source in sources:
        if source.provider == "main":
            for file in Path(source.path).rglob("*.yaml"):
                text = file.read_text(encoding="utf-8", errors="replace")
                if re.search(r"\bmode\W*:", text) and "hydra" in f"{file.relative_to(source.path)} {text}":
                    return True
        elif source.provider not in ("hydra", "schema"):  # --config-dir: a sweep's folder has a thousand files
            return True
    return False


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
