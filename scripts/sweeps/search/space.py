"""The axes of a sweep, in Hydra's own grammar: `a,b`, `choice(...)`, `range(...)`, `interval(...)`, `tag(...)`.

An override is one axis or one fixed setting.  A grid takes every combination of the axes' values; a search draws from
them.  `sweep.when` makes an axis conditional: `{module.num_heads: {module: transformer}}` leaves it out elsewhere.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import (
    ChoiceSweep,
    Glob,
    IntervalSweep,
    QuotedString,
    RangeSweep,
    Transformer,
)
from hydra.core.override_parser.types import Override as HydraOverride

from datamodules.errors import BadInput, did_you_mean
from scripts.config.keys import facts
from scripts.config.override import Override
from scripts.config.overrides import options, relaxed

#: The value of `module` that stands for every baseline that fits data and task.
BASELINES = "baselines"

#: Axis -> axis that decides about it -> values of that one with which it counts.
Conditions = Mapping[str, Mapping[str, list[str]]]


@dataclass(frozen=True)
class Axis:
    """One setting that differs between jobs."""

    override: HydraOverride

    @property
    def key(self) -> str:
        return self.override.key_or_group

    @property
    def text(self) -> str:
        """The value as typed, after the `=`."""
        return Override.parse(self.override.input_line or "").value or ""

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
        """Every value, as an override says it.

        Raises:
            BadInput: there are infinitely many.
        """
        return [text for text, _ in self._values()]

    def python_values(self) -> list[Any]:
        """The values as numbers, strings, booleans and None; lists as their overrides."""
        return [value for _, value in self._values()]

    def distinct(self) -> list[str]:
        """The distinct values; one that repeats an earlier one (`0.10` after `0.1`) is named on standard error."""
        kept: dict[str, str] = {}
        for text, value in self._values():
            if repr(value) in kept:
                print(
                    f"{self.key}={self.text}: {kept[repr(value)]} stands there twice and counts once",
                    file=sys.stderr,
                )
            kept.setdefault(repr(value), text)
        return list(kept.values())

    def override_of(self, value: str) -> str:
        return f"{self.override.get_key_element()}={value}"

    def _values(self) -> list[tuple[str, Any]]:
        """(as an override says it, as Python has it)."""
        value = self.override.value()
        if isinstance(value, Glob):
            return [(name, name) for name in value.filter(options(self.key))]
        if not self.override.is_sweep_override():
            element = self.override.get_value_element_as_str()
            return [(element, value if value is None or isinstance(value, (bool, int, float, str)) else element)]
        if not isinstance(value, (ChoiceSweep, RangeSweep)):
            raise BadInput(
                f"{self.key}={self.text}: has no list of values; sweep.trials=N searches in it, choice(...) lists some"
            )
        text = list(self.override.sweep_string_iterator())
        found = list(self.override.sweep_iterator(transformer=Transformer.identity))
        plain = [v.text if isinstance(v, QuotedString) else v for v in found]
        pairs = [(w, v if v is None or isinstance(v, (bool, int, float, str)) else w) for w, v in zip(text, plain)]
        if self.key != "module" or BASELINES not in text:
            return pairs
        every = [(name, name) for name in options("module") if name.startswith("baseline/")]
        expanded = [pair for w, v in pairs for pair in (every if w == BASELINES else [(w, v)])]
        return list(dict.fromkeys(expanded))


@dataclass(frozen=True)
class Space:
    """Space of a sweep: the fixed overrides of all jobs, and the axes in which they differ."""

    axes: tuple[Axis, ...]
    fixed: tuple[str, ...]  # overrides, as Hydra takes them
    when: Conditions = field(default_factory=dict)

    def grid(self) -> list[list[str]]:
        """The overrides of each combination, the last axis changing fastest; each combination once."""
        found: dict[tuple[str, ...], None] = {}
        for values in itertools.product(*(axis.distinct() for axis in self.axes)):
            chosen = {axis.key: value for axis, value in zip(self.axes, values)}
            found.setdefault(tuple(self._combination(chosen)))
        return [list(overrides) for overrides in found]

    def is_active(self, axis: Axis, chosen: Mapping[str, Any]) -> bool:
        """Whether an axis counts beside these values of the others."""
        return all(plain(chosen.get(key)) in values for key, values in self.when.get(axis.key, {}).items())

    def means_baselines(self) -> bool:
        """Whether `module=baselines` is among the values: they are taken as far as they fit."""
        return any(axis.key == "module" and BASELINES in axis.text for axis in self.axes)

    def described(self) -> dict[str, str]:
        """The overrides that identify a sweep: key -> value."""
        fixed = [Override.parse(override) for override in self.fixed]
        return {
            **{axis.key: axis.text for axis in self.axes},
            **{o.key: o.value or "" for o in fixed if facts(o.key).identifies_sweep},
        }

    def _combination(self, chosen: dict[str, str]) -> Iterator[str]:
        is_baseline = self.means_baselines() and chosen["module"].startswith("baseline/")
        for axis in self.axes:
            if not self.is_active(axis, chosen) or (is_baseline and _not_of_baselines(axis.key)):
                continue
            yield axis.override_of(chosen[axis.key])
        if is_baseline:
            for override in self.fixed:
                if Override.parse(override).key.startswith("module."):
                    yield f"~{Override.parse(override).key}"


def space_of(
    arguments: Iterable[str], also: dict[str, Any], config_loader: Any = None, when: dict[str, Any] | None = None
) -> Space:
    """The space that a command asks for.

    Args:
        arguments: its overrides.
        also: axes of `sweep.space`; one that the overrides name too is theirs.
        config_loader: Hydra's, for `glob(...)`.
        when: `sweep.when`, conditions of axes.

    Raises:
        BadInput: an override of `sweep.space` that is none, or a condition on what does not vary.
    """
    parser = OverridesParser.create(config_loader=config_loader)
    arguments = [_as_choice(argument) for argument in arguments]
    parsed = [override for override in parser.parse_overrides(arguments) if not _of_sweep(override)]
    named = {override.key_or_group for override in parsed}
    added = [
        argument
        for key, value in also.items()
        if key not in named
        for argument in relaxed([f"{key}={_as_text(value)}"])
    ]
    try:
        parsed = parser.parse_overrides(added) + parsed
    except Exception as error:
        message = " ".join(str(error).split()).replace("++", "")
        raise BadInput(f"sweep.space: {message}") from None
    conditions = _conditions(when or {}, parsed)
    swept = [o for o in parsed if o.is_sweep_override() or o.key_or_group in conditions]
    axes = tuple(Axis(override) for override in swept)
    for axis in axes:
        if not facts(axis.key).in_sweep or axis.key.startswith("hydra"):
            raise BadInput(f"{axis.key}={axis.text}: every job of a sweep has the same; give one value")
    fixed = tuple(override.input_line or "" for override in parsed if override not in swept)
    return Space(axes, fixed, conditions)


def _conditions(when: dict[str, Any], parsed: list[HydraOverride]) -> Conditions:
    keys = [override.key_or_group for override in parsed]
    found: dict[str, dict[str, list[str]]] = {}
    for key, condition in when.items():
        if not isinstance(condition, dict) or not condition:
            raise BadInput(
                f"sweep.when.{key}={condition}: values of another key are accepted, such as"
                " sweep.when={module.num_heads:{module:transformer}}"
            )
        if key not in keys:
            continue  # a named space has conditions of axes that this command leaves out
        for other in condition:
            if other not in keys:
                near = did_you_mean(other, keys)
                raise BadInput(f"sweep.when.{key}: {other} is not given here{near}; there are {', '.join(keys)}")
        found[key] = {
            other: [plain(v) for v in (values if isinstance(values, list) else [values])]
            for other, values in condition.items()
        }
    return found


def plain(value: Any) -> str:
    """A value as conditions compare it: truth as YAML writes it."""
    text = str(value)
    return text.lower() if text in ("True", "False") else text


def _as_choice(argument: str) -> str:
    """`module=baselines` stands for several values, also alone."""
    return f"module=choice({BASELINES})" if argument == f"module={BASELINES}" else argument


def _not_of_baselines(key: str) -> bool:
    """Whether a baseline takes no such setting."""
    return facts(key).of_training or key.startswith("module.")


def _of_sweep(override: HydraOverride) -> bool:
    return override.key_or_group.startswith("sweep.") or override.key_or_group.startswith("sweep/")


def _as_text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ",".join(_as_text(v) for v in value)
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
