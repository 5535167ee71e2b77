"""The experiments that a sweep leaves in its folder (`experiment/best.yaml`), as a `--config-dir` of another command.

The folder is untrusted, so what Hydra would compose from it is looked at first: experiments of settings, whose
classes are trusted, and nothing that configures Hydra itself (which makes log handlers and launchers by name).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from datamodules.errors import BadInput
from scripts.config import trust
from scripts.config.overrides import groups

_PACKAGE = re.compile(r"^\s*#\s*@package\s+(\S+)", re.MULTILINE)


def check_config_dir(folder: str) -> None:
    """Refuse a sweep's folder as `--config-dir` where it holds what is not to be trusted; other folders are trusted.

    Raises:
        BadInput: with the file and what it names.
    """
    place = Path(folder).expanduser()
    if not (place / "sweep.json").exists():
        return
    for path in sorted(place.rglob("*.y*ml")):
        group = path.relative_to(place).parts[0]
        if group == "experiment":
            _check_experiment(path)
        elif group in (*groups(), "hydra") or len(path.relative_to(place).parts) == 1:
            raise BadInput(f"{path}: the folder of a sweep configures nothing but its experiments")


def _check_experiment(path: Path) -> None:
    try:
        text = path.read_text(encoding="utf-8")
        content = yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise BadInput(f"{path}: not an experiment that can be read ({' '.join(str(error).split())})") from None
    if not isinstance(content, dict) or _PACKAGE.findall(text) != ["_global_"]:
        raise BadInput(f"{path}: not an experiment of a sweep (# @package _global_ and settings)")
    for entry in content.pop("defaults", None) or []:
        _check_default(entry, path)
    if "hydra" in content:
        raise BadInput(f"{path}: an experiment of a sweep sets nothing of Hydra's")
    trust.check_stored(content, str(path))


def _check_default(entry: Any, path: Path) -> None:
    """`override /GROUP: OPTION` of this project's groups."""
    known = [f"override /{group}" for group in groups()]
    if not isinstance(entry, dict) or not all(key in known for key in entry):
        raise BadInput(f"{path}: defaults: {entry}: override /GROUP: OPTION is accepted there")
