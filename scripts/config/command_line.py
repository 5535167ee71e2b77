"""The command line of scripts/train.py, made ready for Hydra.

Hydra reads the value of an override by a grammar in which `, ( ) [ ] { } = # @ '` and spaces have a meaning, and
letters beyond ASCII have none.  The value of an existing path is quoted here for the person; any other value that the
grammar refuses ends in a message with the line to type.
"""

from __future__ import annotations

import functools
import os
import re
import shlex
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from datamodules.errors import BadInput, did_you_mean
from scripts.config import trust
from scripts.config.other_programs import ALTERNATIVES
from scripts.config.override import Override, parse_all, quoted
from scripts.config.overrides import groups, relaxed
from scripts.config.private_names import hydra_parser
from scripts.config.renamed import with_new_keys
from scripts.config.stored_experiments import check_config_dir
from scripts.console.parser import options_of

#: Overrides whose value is a run folder or a checkpoint, whatever letters its name has.
RUN_KEYS = ("resume", "rerun", "init_from")


#: Dashes that word processors and web pages make of a hyphen.
DASHES = "\u2010\u2011\u2012\u2013\u2014\u2212"


#: Characters that nobody types on purpose: carriage return, zero-width space, byte order mark.
INVISIBLE = "\r\u200b\ufeff"


def prepare(arguments: Sequence[str]) -> list[str]:
    """Arguments that Hydra's program takes: its options first, then overrides that its grammar can read.

    Raises:
        BadInput: an option that does not exist, or an override that means nothing; with what to type.
    """
    options, overrides_and_more = split(take_allow(arguments))
    overrides = last_of_each(parse_all(with_new_keys(overrides_and_more)))
    return [*options, *relaxed([str(readable(override)) for override in overrides])]


def take_allow(arguments: Sequence[str]) -> list[str]:
    """The arguments without `--allow PACKAGE`; these packages are trusted from here on."""
    left, packages, waiting = [], [], False
    for argument in arguments:
        if waiting:
            packages.append(argument)
            waiting = False
        elif argument == "--allow":
            waiting = True
        elif argument.startswith("--allow="):
            packages.append(argument.partition("=")[2])
        else:
            left.append(argument)
    if waiting:
        raise BadInput("--allow: the name of a package is needed, as in --allow my_package")
    trust.allow(packages)
    return left


def split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Hydra's options, wherever they stand (`a=b -m c=d`), and the overrides.

    Raises:
        BadInput: there is no such option.
    """
    parser = hydra_parser()
    read, unknown = parser.parse_known_intermixed_args(list(arguments))
    if unknown:
        name, options_known = unknown[0].partition("=")[0], [*options_of(parser), "--allow"]
        meant = ALTERNATIVES.get(name.strip("-").replace("-", "_"))
        near = f"; you may mean {meant}" if meant else did_you_mean(name, options_known)
        raise BadInput(
            f"{name}: no such option{near}; settings are written KEY=VALUE, and there are"
            f" {', '.join(option for option in options_known if option.startswith('--'))}"
        )
    if read.config_dir:
        check_config_dir(read.config_dir)
    counts = Counter(read.overrides)
    options = []
    for argument in arguments:
        if counts[argument]:
            counts[argument] -= 1
        else:
            options.append(argument)
    return options, read.overrides


def last_of_each(overrides: Sequence[Override]) -> list[Override]:
    """The overrides without those whose key is given again later; each one left out is named on standard error."""
    last = {override.target: i for i, override in enumerate(overrides)}
    kept = []
    for i, override in enumerate(overrides):
        if last[override.target] == i:
            kept.append(override)
        elif override.value != overrides[last[override.target]].value:
            later = overrides[last[override.target]].plain
            print(f"{override.plain}: the key is given again; {later} counts", file=sys.stderr)
    return kept


def readable(override: Override) -> Override:
    """The override, quoted so that Hydra's grammar reads the value that was meant.

    Raises:
        BadInput: the grammar refuses it, or `None` stands where null is meant.
    """
    invisible = next((c for c in str(override) if c in INVISIBLE), None)
    if invisible is not None:
        where = "; a script with Windows line ends has one at each line's end" if invisible == "\r" else ""
        raise BadInput(f"{str(override)!r}: holds the invisible character U+{ord(invisible):04X}{where}")
    if override.value is None:
        if override.key[:1] in DASHES:
            raise BadInput(f"{override.key}: begins with a dash of a text processor; options begin with - or --")
        if override.prefix != "~":
            raise BadInput(f"{override.key}: settings are written KEY=VALUE")
        return override
    if override.value == "None":
        raise BadInput(f"{override.plain}: the value that stands for nothing is written null ({override.key}=null)")
    if override.key in RUN_KEYS:
        return run_override(override)
    if _is_structured(override.value) and _is_path(override):
        return override.with_value(quoted(override.value))
    try:
        _grammar().parse_override(str(override))
    except Exception as error:  # whatever ANTLR makes of it
        raise BadInput(f"{override.plain}: {_reason(override, error)}") from None
    return override


def run_override(override: Override) -> Override:
    """`resume=`, `rerun=` or `init_from=` with its folder, quoted or not, whatever the folder's name."""
    value = override.value or ""
    if value in ("", "null", "auto"):
        return override
    path = value if os.path.lexists(os.path.expanduser(value)) else override.text
    return override.with_value(quoted(path))


def as_string(override: Override) -> str:
    """The word to type in a shell so that the value is a string, whatever letters it has."""
    value = override.value or ""
    quote = '"' if '"' not in value else "'"
    inner = re.sub(rf"(\\+)(?={quote}|$)", r"\1\1", value).replace(quote, f"\\{quote}")
    return shlex.quote(f"{override.target}={quote}{inner}{quote}")


def hint(message: str, overrides: Iterable[str]) -> str:
    """A message about the type of a setting, with the word that makes it a string where that is what is missing."""
    for override in parse_all(overrides):
        at = f"{override.key}="
        if message.startswith(at) and "must be a string" in message and override.value is not None:
            return f"{message}; as a string it is typed {as_string(override)}"
    return message


def _reason(override: Override, error: Exception) -> str:
    """Why Hydra's grammar refuses a value, and what to type instead."""
    value = override.value or ""
    beyond = next((c for c in value if ord(c) > 126), None)
    special = next((c for c in value if c in "()[]{},=#'\"@!^&;<>~`:\\ "), None)
    culprit = beyond or special
    problem = (
        f"Hydra's grammar does not take {culprit!r} here" if culprit else "Hydra's grammar does not take this value"
    )
    return f"{problem}; as a string it is typed {as_string(override)}"


def _is_structured(value: str) -> bool:
    """Whether Hydra's grammar would read anything else than the letters themselves, numbers and words apart."""
    return quoted(value) != value and not re.fullmatch(r"[\w.+-]*", value, re.ASCII) and "${" not in value


def _is_path(override: Override) -> bool:
    return override.key not in groups() and os.path.lexists(os.path.expanduser(override.value or ""))


@functools.cache
def _grammar() -> Any:
    from hydra.core.override_parser.overrides_parser import OverridesParser

    return OverridesParser.create()
