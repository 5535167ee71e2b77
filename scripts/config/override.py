"""One override of a command line, `key=value` with its prefix (`+`, `++`, `~`) and package (`key@package`)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

_QUOTED = re.compile(r"""^(?P<quote>['"])(?P<text>.*)(?P=quote)$""", re.DOTALL)


@dataclass(frozen=True)
class Override:
    """An override of the command line.

    Args:
        key: dotted key or group, without prefix and package.
        value: what stands behind the first `=`, as it was typed; None where there is no `=` (`~key`).
        prefix: `+` adds, `++` adds or changes, `~` deletes.
        package: behind `@`, where a group is put elsewhere.

    >>> Override.parse("++optimizer.lr=1e-3")
    Override(key='optimizer.lr', value='1e-3', prefix='++', package=None)
    >>> str(Override.parse("++optimizer.lr=1e-3")), Override.parse("a='x=y'").text
    ('++optimizer.lr=1e-3', 'x=y')
    """

    key: str
    value: str | None = None
    prefix: str = ""
    package: str | None = None

    @classmethod
    def parse(cls, override: str) -> Override:
        left, equals, value = override.partition("=")
        bare = left.lstrip("+~")
        key, at, package = bare.partition("@")
        return cls(key, value if equals else None, left[: len(left) - len(bare)], package if at else None)

    @classmethod
    def of(cls, key: str, text: str) -> Override:
        """The override that sets a key to a string, quoted where Hydra's grammar would read something else."""
        return cls(key, quoted(text))

    @property
    def group(self) -> str:
        """The key up to its first dot."""
        return self.key.partition(".")[0]

    @property
    def text(self) -> str:
        """The value as a string: without the quotes of Hydra's grammar, if it has them; empty where there is none."""
        match = _QUOTED.match(self.value or "")
        if match is None:
            return self.value or ""
        quote = match["quote"]
        return match["text"].replace(f"\\{quote}", quote).replace("\\\\", "\\")

    @property
    def target(self) -> str:
        """Key and package: what the override sets; of two overrides with one target, the later holds."""
        return self.key if self.package is None else f"{self.key}@{self.package}"

    @property
    def plain(self) -> str:
        """The override without its prefix, as messages show it."""
        return str(replace(self, prefix=""))

    def with_value(self, value: str) -> Override:
        return replace(self, value=value)

    def __str__(self) -> str:
        return f"{self.prefix}{self.target}" + ("" if self.value is None else f"={self.value}")


def parse_all(overrides: Iterable[str]) -> list[Override]:
    return [Override.parse(override) for override in overrides]


def last_value(overrides: Iterable[str], key: str) -> str | None:
    """The string that the last override of `key` sets; None where none does, or it sets null."""
    matching = [override for override in parse_all(overrides) if override.key == key]
    return matching[-1].text if matching and matching[-1].value not in (None, "", "null") else None


def quoted(text: str) -> str:
    """A string in Hydra's grammar: as it is where that reads the same string, else between single quotes.

    >>> quoted("runs/names"), quoted("a,b"), quoted("it's"), quoted("12")
    ('runs/names', "'a,b'", "'it\\\\'s'", "'12'")
    """
    if PLAIN.fullmatch(text) and not _LITERAL.fullmatch(text):
        return text
    # a backslash is doubled only before a quote or at the end, where the grammar would read it as an escape
    escaped = re.sub(r"(\\+)(?='|$)", r"\1\1", text).replace("'", "\\'")
    return f"'{escaped}'"


#: Letters that neither a shell nor Hydra's grammar reads as anything else.
PLAIN = re.compile(r"[A-Za-z0-9_./-]+")
_LITERAL = re.compile(r"[+-]?[\d_]*\.?[\d_]*([eE][+-]?\d+)?|null|true|false|nan|[+-]?inf", re.IGNORECASE)
