"""Settings as `scripts/train.py` would have them, without starting it."""

from __future__ import annotations

from typing import Any

from scripts.configuration.overrides import CONF, relaxed
from scripts.runs import naming


def compose(*words: str) -> dict[str, Any]:
    """All settings of a command line, resolved to plain containers."""
    import hydra
    from omegaconf import OmegaConf

    naming.register()
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        config = hydra.compose("train", overrides=["name=composed", *relaxed(words)])
    return OmegaConf.to_container(config, resolve=True)  # type: ignore[return-value]
