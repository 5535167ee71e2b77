"""The words of a training command, before and after Hydra reads them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from datamodules.errors import BadInput, did_you_mean
from scripts.console.parser import options_of

CONF = Path(__file__).resolve().parents[2] / "conf"

_DOTTED = re.compile(r"^[a-z_]\w*(\.\w+)+=")


def ordered(arguments: Sequence[str]) -> list[str]:
    """Hydra's options before the settings: `a=b -m c=d`, too, which its parser would not take.

    Raises:
        BadInput: there is no such option.
    """
    from hydra._internal.utils import get_args_parser

    parser = get_args_parser()
    read, unknown = parser.parse_known_intermixed_args(list(arguments))
    if unknown:
        name, known = unknown[0].partition("=")[0], options_of(parser)
        raise BadInput(
            f"{name}: no such option{did_you_mean(name, known)}; settings are written KEY=VALUE, and there are"
            f" {', '.join(option for option in known if option.startswith('--'))}"
        )
    settings = Counter(read.overrides)
    others = []
    for argument in arguments:
        if settings[argument]:
            settings[argument] -= 1
        else:
            others.append(argument)
    return [*others, *read.overrides]


def relaxed(arguments: Iterable[str]) -> list[str]:
    """`a.b=c` as `++a.b=c`, so that a setting need not stand in a group's file to be given.

    What a group's `_target_` does not take is refused later, by `signatures.problems`, with every other problem.
    """
    return [
        f"++{argument}" if _DOTTED.match(argument) and not argument.startswith("hydra.") else argument
        for argument in arguments
    ]


def changed(config: dict[str, Any], words: Iterable[str], groups: Collection[str]) -> dict[str, Any]:
    """Settings of a run with some of them changed by `a.b=c` words.

    Raises:
        BadInput: a word that is no such setting, or one of a group that cannot be changed here.
    """
    from omegaconf import OmegaConf

    words = list(words)
    for word in words:
        key, equals, _ = word.partition("=")
        group = key.partition(".")[0]
        if not equals or group not in groups or "." not in key:
            example = " or ".join(f"{name}.KEY=VALUE" for name in groups)
            raise BadInput(f"{word}: not a setting that can be changed here; {example} is accepted")
    merged = OmegaConf.merge(OmegaConf.create(config), OmegaConf.from_dotlist(words))
    return OmegaConf.to_container(merged)  # type: ignore[return-value]


def explain(error: Exception) -> str | None:
    """Hydra's and OmegaConf's errors as one sentence; None for an error that is not theirs."""
    from hydra.errors import HydraException, InstantiationException
    from omegaconf.errors import OmegaConfBaseException

    if not isinstance(error, (HydraException, OmegaConfBaseException)) or isinstance(error, InstantiationException):
        return None
    text = str(error)
    missing = re.search(r"Could not find '([\w/]+)'", text)
    if missing and "/" in missing[1]:
        group, _, option = missing[1].rpartition("/")
        known = options(group)
        return f"{group}={option}: no such option{did_you_mean(option, known)}; there are {', '.join(known)}"
    several = re.search(r"Ambiguous value for argument '(?:\+\+)?([^']+)'", text)
    if several:
        return f"{several[1]}: several values make several runs, which needs -m; a list is written KEY=[A,B]"
    unknown = re.search(r"(?:Could not override|Key) '([\w.@/]+)'", text)
    if unknown:
        key = unknown[1]
        known = [*groups(), *top_level_keys()]
        return f"{key}: no such setting or group{did_you_mean(key, known)}; there are {', '.join(known)}"
    return " ".join(line.strip() for line in text.splitlines() if line.strip() and "full_key" not in line)


def groups() -> list[str]:
    return sorted(p.name for p in CONF.iterdir() if p.is_dir() and p.name not in ("hydra", "__pycache__"))


def options(group: str) -> list[str]:
    folder = CONF / group
    return sorted(p.relative_to(folder).with_suffix("").as_posix() for p in folder.rglob("*.yaml"))


def top_level_keys() -> list[str]:
    import yaml

    config = yaml.safe_load((CONF / "train.yaml").read_text(encoding="utf-8"))
    return sorted(key for key in config if key not in ("defaults", "hydra"))
