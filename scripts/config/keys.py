"""Table of configuration keys and their roles, for comparisons, resuming, sweeps and logs.

A key has the facts of the longest entry that it equals or lies below (`trainer.max_epochs` those of `trainer`).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Literal

#: data: which examples there are and what is asked of them; runs that differ in it are not ranked together.
#: setting: how a configuration is made and trained; runs that differ in it are different configurations.
#: seed: which replicate of a configuration it is.
#: place: where, when and under whose eyes it runs; changes no result.
#: cost: how fast it runs; changes no result beyond rounding.
Role = Literal["data", "setting", "seed", "place", "cost"]


@dataclass(frozen=True)
class Key:
    """Facts about a configuration key.

    Args:
        role: see `Role`.
        resumable: whether a run that is resumed may have another value.
        hyperparameter: whether it is shown among the hyperparameters of a run where it was overridden.
        of_training: whether it means nothing to a baseline, which has no training loop.
        in_sweep: whether it may have several values in a sweep.
        one_sweep: whether two sweeps that differ in it are different sweeps.
    """

    role: Role
    resumable: bool = False
    hyperparameter: bool = True
    of_training: bool = False
    in_sweep: bool = True
    identifies_sweep: bool = True


_PLACE = Key("place", resumable=True, hyperparameter=False, in_sweep=False, identifies_sweep=False)

KEYS: dict[str, Key] = {
    # groups
    "module": Key("setting"),
    "task": Key("setting"),
    "optimizer": Key("setting", of_training=True),
    "scheduler": Key("setting", of_training=True),
    "trainer": Key("setting", resumable=True, of_training=True),
    "callbacks": Key("setting", resumable=True, hyperparameter=False, of_training=True),
    "callbacks.progress": Key("place", resumable=True, hyperparameter=False, identifies_sweep=False),
    "logger": Key("place", resumable=True, hyperparameter=False, identifies_sweep=False),
    "experiment": Key("setting"),
    "sweep": _PLACE,
    "hydra": _PLACE,
    # data: whatever a data module takes decides its examples, but for these
    "datamodule": Key("data"),
    "datamodule.data_dir": Key("place", resumable=True, hyperparameter=False),
    "datamodule.seed": Key("seed"),
    "datamodule.batch_size": Key("setting"),
    "datamodule.evaluation_batch_size": Key("cost"),
    "datamodule.drop_last": Key("setting"),
    "datamodule.sampling": Key("setting"),
    "datamodule.group_by_length": Key("setting"),
    "datamodule.lookback": Key("setting"),
    "datamodule.stride": Key("setting"),
    "datamodule.augmentation": Key("setting"),
    "datamodule.encoding": Key("place"),
    "datamodule.separator": Key("place"),
    "datamodule.quoted": Key("place"),
    "datamodule.header": Key("place"),
    "datamodule.target_file": Key("place", resumable=True, hyperparameter=False),
    # one by one
    "seed": Key("seed"),
    "runs_dir": _PLACE,
    "name": Key("place", hyperparameter=False, in_sweep=False, identifies_sweep=False),
    "resume": _PLACE,
    "rerun": Key("place", hyperparameter=False, in_sweep=False, identifies_sweep=False),
    "init_from": Key("setting", hyperparameter=False),
    "freeze": Key("setting"),
    "evaluate": Key("place", resumable=True, hyperparameter=False),
    "non_finite": Key("setting", resumable=True),
    "compile": Key("cost", resumable=True),
    "tf32": Key("setting", resumable=True),
}

_UNKNOWN = Key("setting")  # a key of code outside this project


@functools.cache
def facts(key: str) -> Key:
    """Facts about a dotted key, or a group with its option (`hydra/launcher`)."""
    parts = key.partition("@")[0].replace("/", ".").split(".")
    for end in range(len(parts), 0, -1):
        found = KEYS.get(".".join(parts[:end]))
        if found is not None:
            return found
    return _UNKNOWN


def resumable_keys() -> list[str]:
    """Groups and keys that make a difference and may yet have another value when a run is resumed, for messages."""
    return [key for key, key_facts in KEYS.items() if key_facts.resumable and key_facts.in_sweep and "." not in key]
