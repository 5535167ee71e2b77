"""Names of run folders and jobs."""

from __future__ import annotations

import hashlib
import itertools
import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from scripts.config.override import parse_all

LONGEST_NAME = 120  # letters of a job's folder, so that its files' paths stay short


def register() -> None:
    """The resolvers that conf/train.yaml uses."""
    OmegaConf.register_new_resolver("run_time", run_time, use_cache=True, replace=True)
    OmegaConf.register_new_resolver("default_name", default_name, replace=True)
    OmegaConf.register_new_resolver("job_name", job_name, replace=True)
    OmegaConf.register_new_resolver("new_name", new_name, use_cache=True, replace=True)
    OmegaConf.register_new_resolver("new_folder", new_folder, use_cache=True, replace=True)


def run_time() -> str:
    """Now, to the second: the name of a run's folder, or of a sweep's."""
    return datetime.now().strftime("%Y-%m-%d_%H-%M-%S")


def new_folder(parent: str) -> str:
    """A folder in `parent` that is named by the time and was made just now, by this process and no other one.

    Of processes that start in the same second all but one append a number.
    """
    Path(parent).mkdir(parents=True, exist_ok=True)
    name = run_time()
    for number in itertools.count(2):
        try:
            Path(parent, name).mkdir()
            return str(Path(parent, name))
        except FileExistsError:
            name = f"{run_time()}_{number}"
    raise AssertionError("numbers have no end")


def new_name(parent: str) -> str:
    """The name of a `new_folder`."""
    return Path(new_folder(parent)).name


def default_name(_root_: DictConfig) -> str:
    """The experiment that was chosen, or else the data module."""
    from hydra.core.hydra_config import HydraConfig

    # a job's own settings have no `hydra`; those of a sweep do, but are not yet announced
    hydra = _root_.hydra if "hydra" in _root_ else HydraConfig.get()
    choices = hydra.runtime.choices
    return choices.get("experiment") or choices["datamodule"]


def job_name(number: int) -> str:
    """The folder of a sweep's job: its number and its overrides, those that differ between jobs."""
    from hydra.core.hydra_config import HydraConfig

    return short_name(list(HydraConfig.get().overrides.task)) or str(number)


def short_name(overrides: Iterable[str]) -> str:
    """Overrides as a folder name of letters that need no quoting: `module-gru_hidden_size-8_seed-1`.

    Neither a shell nor Hydra's grammar nor TensorBoard reads anything else into them.  A name of more than 120 letters
    ends in a hash of all of it.

    >>> short_name(["module=baseline/majority", "++optimizer.lr=1e-05", "name=Müller, K."])
    'module-baseline-majority_lr-1e-05_name-Muller-K.'
    """
    parts = [f"{plain(o.key.rpartition('.')[2])}-{plain(o.text)}" for o in parse_all(overrides)]
    whole = "_".join(parts)
    if len(whole) <= LONGEST_NAME:
        return whole
    digest = hashlib.sha256("\0".join(overrides).encode()).hexdigest()[:8]
    return f"{whole[:LONGEST_NAME]}_{digest}"


def plain(text: str) -> str:
    """ASCII letters, digits, dots, underscores and dashes of a text; letters without their marks."""
    letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9._-]+", "-", letters.replace("+", "")).rstrip("-")
