"""Overrides of a command: relaxed for Hydra, applied to stored settings, and Hydra's errors about them explained."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from datamodules.errors import BadInput, did_you_mean
from scripts.config.other_programs import ALTERNATIVES
from scripts.config.override import parse_all

CONF = Path(__file__).resolve().parents[2] / "conf"

#: Groups inside another one's folder.
NESTED_GROUPS = ("sweep/sampler", "sweep/pruner")

_DOTTED = re.compile(r"^[a-z_]\w*(\.\w+)+=")


def relaxed(arguments: Iterable[str]) -> list[str]:
    """`a.b=c` as `++a.b=c`, so that a setting need not stand in a group's file to be given.

    What a group's `_target_` does not take is refused later, by `signatures.problems`, with every other problem.
    """
    return [
        f"++{argument}" if _DOTTED.match(argument) and not argument.startswith("hydra.") else argument
        for argument in arguments
    ]


def changed(config: dict[str, Any], overrides: Iterable[str], groups: Collection[str]) -> dict[str, Any]:
    """Settings of a run with some of them changed by overrides `a.b=c`.

    A value is read as YAML reads it; one that names an existing path is that path, whatever letters it has.

    Raises:
        BadInput: no such setting, or one of a group that cannot be changed here.
    """
    import yaml

    from scripts.config.dotted import put

    settings = dict(config)
    for override in parse_all(overrides):
        if override.value is None or override.group not in groups or "." not in override.key:
            example = " or ".join(f"{name}.KEY=VALUE" for name in groups)
            raise BadInput(f"{override}: not a setting that can be changed here; {example} is accepted")
        if override.value == "None":
            raise BadInput(f"{override}: the value that stands for nothing is written null ({override.key}=null)")
        value: Any = override.value
        if not Path(override.value).expanduser().exists():
            try:
                value = yaml.safe_load(override.value)
            except yaml.YAMLError:
                value = override.text
        put(settings, override.key, value)
    return settings


#: Launchers of other packages: the extra that installs each.
LAUNCHER_EXTRAS = {
    "joblib": "benchmarks", "ray": "ray", "ray_aws": "ray", "submitit_local": "slurm", "submitit_slurm": "slurm",
}  # fmt: skip


def explain(error: Exception) -> str | None:
    """Hydra's and OmegaConf's errors as one message; None for an error that is not theirs."""
    from hydra.errors import HydraException, InstantiationException
    from omegaconf.errors import OmegaConfBaseException

    if not isinstance(error, (HydraException, OmegaConfBaseException)) or isinstance(error, InstantiationException):
        return None
    text = str(error)
    missing = re.search(r"Could not find '([\w/]+)'", text)
    if missing and "/" in missing[1]:
        group, _, option = missing[1].rpartition("/")
        if group == "hydra/launcher" and option in LAUNCHER_EXTRAS:
            return f"{group}={option} is not installed: pip install 'sequence-lab[{LAUNCHER_EXTRAS[option]}]'"
        candidates = options(group)
        return f"{group}={option}: no such option{did_you_mean(option, candidates)}; there are {', '.join(candidates)}"
    twice = re.search(r"Multiple values for ([\w/]+)", text)
    if twice:
        return f"{twice[1]}: the configuration has one already; {twice[1]}=OPTION, without +, takes another"
    several = re.search(r"Ambiguous value for argument '(?:\+\+)?([^']+)'", text)
    if several:
        return (
            f"{several[1]}: several values make several runs, which needs -m; a list is written KEY=[A,B], one value"
            " with a comma between quotes: 'KEY=\"A,B\"'"
        )
    unknown = re.search(r"(?:Could not override|Key) '([\w.@/]+)'", text)
    if unknown:
        key = unknown[1]
        if key in ALTERNATIVES:
            return f"{key}: no such setting; you may mean {ALTERNATIVES[key]}"
        candidates = [*groups(), *top_level_keys()]
        return f"{key}: no such setting or group{did_you_mean(key, candidates)}; there are {', '.join(candidates)}"
    lines = " ".join(line.strip() for line in text.splitlines() if line.strip() and "full_key" not in line)
    return re.sub(r"(?<![\w+])\+\+(?=[a-z_])", "", lines)  # which `relaxed` put there


def groups() -> list[str]:
    return sorted(p.name for p in CONF.iterdir() if p.is_dir() and p.name not in ("hydra", "__pycache__"))


def options(group: str) -> list[str]:
    """The options of a group, its folders' files by `folder/file`."""
    folder = CONF / group
    inside = [CONF / nested for nested in NESTED_GROUPS if nested != group]
    files = [path for path in folder.rglob("*.yaml") if not any(subfolder in path.parents for subfolder in inside)]
    return sorted(path.relative_to(folder).with_suffix("").as_posix() for path in files)


def top_level_keys() -> list[str]:
    import yaml

    config = yaml.safe_load((CONF / "train.yaml").read_text(encoding="utf-8"))
    return sorted(key for key in config if key not in ("defaults", "hydra"))
