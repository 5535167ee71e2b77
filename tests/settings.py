"""Settings composed as `scripts/train.py` composes them, without starting it."""

from __future__ import annotations

from typing import Any

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from scripts.configuration.overrides import CONF, relaxed
from scripts.runs import naming


def settings(*overrides: str) -> dict[str, Any]:
    """All settings of the command line `overrides`, resolved."""
    naming.register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", overrides=["name=test", *relaxed(overrides)])
    return OmegaConf.to_container(config, resolve=True)
