"""Settings as `scripts/train.py` would have them, without starting it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scripts.config import naming
from scripts.config.overrides import CONF, relaxed

if TYPE_CHECKING:
    from omegaconf import DictConfig


def compose(*overrides: str) -> dict[str, Any]:
    """All settings of a command line, resolved to plain containers."""
    import hydra

    naming.register()
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        return resolved(hydra.compose("train", overrides=[*relaxed(overrides)], return_hydra_config=True))


def resolved(config: DictConfig) -> dict[str, Any]:
    """A composed config as plain containers, without what is Hydra's and the sweep's."""
    from omegaconf import OmegaConf

    values = {str(key): config[key] for key in config if key not in ("hydra", "sweep")}
    return {
        key: OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
        for key, value in values.items()
    }
