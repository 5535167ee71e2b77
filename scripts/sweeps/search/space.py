"""The axes of a sweep, in Hydra's own override words: `a,b`, `choice(...)`, `range(...)`, `interval(...)`, `tag(...)`.

A word is one axis or one fixed setting.  A grid takes every combination of the axes' values; a search draws from them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import (
    ChoiceSweep,
    Glob,
    IntervalSweep,
    Override,
    QuotedString,
    RangeSweep,
    Transformer,
)

from datamodules.errors import BadInput
from scripts.config.overrides import options, relaxed

#: Words that say where and how a sweep runs, not what it tries.
NOT_OF_THE_SPACE = ("runs_dir", "name", "resume", "hydra", "sweep", "logger", "callbacks.progress")


@dataclass(frozen=True)
class Axis:
    """One setting that differs between jobs."""

    override: Override

    @property
    def key(self) -> str:
        return self.override.key_or_group

    @property
    def words(self) -> str:
        """What a person wrote after the `=`."""
        return (self.override.input_line or "").partition("=")[2]

    @property
    def interval(self) -> IntervalSweep | None:
        value = self.override.value()
        return value if isinstance(value, IntervalSweep) else None

    @property
    def range(self) -> RangeSweep | None:
        value = self.override.value()
        return value if isinstance(value, RangeSweep) and not value.shuffle else None

    def tags(self) -> set[str]:
        return set(getattr(self.override.value(), "tags", None) or ())

    def values(self) -> list[str]:
        """Every value, as an override's word says it.

        Raises:
            BadInput: there are infinitely many.
        """
        value = self.override.value()
        if isinstance(value, Glob):
            return value.filter(options(self.key))
        if not isinstance(value, (ChoiceSweep, RangeSweep)):
            raise BadInput(
                f"{self.key}={self.words}: has no list of values; sweep.trials=N searches in it, choice(...) lists some"
            )
        return list(self.override.sweep_string_iterator())

    def python_values(self) -> list[Any]:
        """The values as numbers, strings, booleans and None; lists as their words."""
        value = self.override.value()
        if isinstance(value, Glob):
            return list(self.values())
        found = list(self.override.sweep_iterator(transformer=Transformer.identity))
        words = self.values()
        plain = [v.text if isinstance(v, QuotedString) else v for v in found]
        return [v if v is None or isinstance(v, (bool, int, float, str)) else w for v, w in zip(plain, words)]

    def word(self, value: str) -> str:
        return f"{self.override.get_key_element()}={value}"


@dataclass(frozen=True)
class Space:
    """What a sweep's jobs have in common, and in what they differ."""

    axes: tuple[Axis, ...]
    fixed: tuple[str, ...]  # words, as Hydra takes them

    def grid(self) -> list[list[str]]:
        """The words of each combination, the last axis changing fastest."""
        return [
            [axis.word(value) for axis, value in zip(self.axes, values)]
            for values in itertools.product(*(axis.values() for axis in self.axes))
        ]

    def described(self) -> dict[str, str]:
        """Everything that makes two sweeps the same, as words."""
        fixed = [word.lstrip("+").partition("=") for word in self.fixed]
        return {
            **{axis.key: axis.words for axis in self.axes},
            **{key: value for key, _, value in fixed if not _elsewhere(key)},
        }


def space_of(arguments: Iterable[str], also: dict[str, Any], config_loader: Any = None) -> Space:
    """The axes and fixed settings of a command.

    Args:
        arguments: its words.
        also: axes of `sweep.space`; one that the words name too is theirs.
        config_loader: Hydra's, for `glob(...)`.

    Raises:
        BadInput: a word of `sweep.space` that is none.
    """
    parser = OverridesParser.create(config_loader=config_loader)
    written = [override for override in parser.parse_overrides(list(arguments)) if not _of_sweep(override)]
    named = {override.key_or_group for override in written}
    told = [word for key, value in also.items() if key not in named for word in relaxed([f"{key}={_written(value)}"])]
    try:
        written = parser.parse_overrides(told) + written
    except Exception as error:
        raise BadInput(f"sweep.space: {' '.join(str(error).split())}") from None
    axes = tuple(Axis(override) for override in written if override.is_sweep_override())
    for axis in axes:
        if axis.key in ("runs_dir", "name", "resume") or axis.key.startswith("hydra"):
            raise BadInput(f"{axis.key}={axis.words}: every job of a sweep has the same; give one value")
    fixed = tuple(override.input_line or "" for override in written if not override.is_sweep_override())
    return Space(axes, fixed)


def _of_sweep(override: Override) -> bool:
    return override.key_or_group.startswith("sweep.")


def _written(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ",".join(_written(v) for v in value)
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _elsewhere(key: str) -> bool:
    return any(key == other or key.startswith(f"{other}.") for other in NOT_OF_THE_SPACE)
