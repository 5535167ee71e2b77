"""The settings of each job of a sweep, as Hydra composes them."""

from __future__ import annotations

import copy
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from scripts.config.composing import resolved
from scripts.config.overrides import groups


class Composer:
    """Composes jobs.  Jobs with equal choices of groups share a composition, which takes a tenth of a second.

    Args:
        config_loader: Hydra's.
        config: of the sweep.
        fixed: overrides that all jobs have in common.
    """

    def __init__(self, config_loader: Any, config: DictConfig, fixed: list[str]) -> None:
        self.config_loader = config_loader
        self.config = config
        self.fixed = fixed
        self._parser = OverridesParser.create(config_loader=config_loader)
        self._groups = set(groups())
        self._cache: dict[tuple[str, ...], DictConfig] = {}

    def settings(self, overrides: list[str]) -> dict[str, Any]:
        """All settings of the job with these overrides, resolved; without those of the sweep."""
        parsed = self._parser.parse_overrides(overrides)
        choosing = tuple(o.input_line or "" for o in parsed if self._chooses(o.key_or_group) and not o.is_delete())
        if choosing not in self._cache:
            self._cache[choosing] = self._compose([*self.fixed, *choosing])
        config = copy.deepcopy(self._cache[choosing])
        for override in parsed:
            if override.is_delete():
                _delete(config, override.key_or_group)
            elif not self._chooses(override.key_or_group):
                OmegaConf.update(config, override.key_or_group, override.value(), force_add=override.is_force_add())
        return resolved(config)

    def choices(self, overrides: list[str]) -> dict[str, str | None]:
        """The option of each group that the job with these overrides has."""
        config = self._compose([*self.fixed, *overrides])
        return {group: option for group, option in config.hydra.runtime.choices.items() if group in self._groups}

    def of_choices(self, choices: dict[str, str]) -> dict[str, Any]:
        """All settings of a run with these options and nothing else, resolved."""
        return resolved(self._compose([f"{group}={_option(option)}" for group, option in choices.items()]))

    def _chooses(self, key: str) -> bool:
        return key.partition("@")[0] in self._groups

    def _compose(self, overrides: list[str]) -> DictConfig:
        config = self.config_loader.load_sweep_config(self.config, overrides)
        OmegaConf.set_struct(config, False)
        OmegaConf.set_readonly(config, False)
        return config


def _delete(config: DictConfig, key: str) -> None:
    """Remove a dotted key, if it is there."""
    parent, _, last = key.rpartition(".")
    holder = OmegaConf.select(config, parent) if parent else config
    if holder is not None and last in holder:
        holder.pop(last)


def _option(option: Any) -> str:
    """A group's option, or list of options, as an override says it."""
    return f"[{','.join(option)}]" if isinstance(option, (list, tuple)) else str(option)
