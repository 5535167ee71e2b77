"""Command lines of the commands that Hydra does not read."""

from __future__ import annotations

import argparse
import sys
from typing import NoReturn

from datamodules.errors import did_you_mean


def options_of(parser: argparse.ArgumentParser) -> list[str]:
    """Every option that it takes, in all spellings."""
    return [option for action in parser._actions for option in action.option_strings]


def _raise(message: str) -> NoReturn:
    raise ValueError(message)


class Parser(argparse.ArgumentParser):
    """argparse that takes no abbreviations and suggests the option that was meant."""

    def __init__(self, **settings) -> None:
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **settings)

    def add_allow(self) -> None:
        """The option `--allow`, of commands that build what a run folder names."""
        self.add_argument(
            "--allow", action="append", default=[], metavar="PACKAGE", help="trust the run's use of PACKAGE"
        )

    def parse_args(self, args=None, namespace=None):  # type: ignore[override]
        # intermixed: `RUN --split val KEY=VALUE`, too
        parsed, unknown = self.parse_known_intermixed_args(args, namespace)
        if unknown:
            self.refuse(unknown[0])
        return parsed

    def run_argument(self, arguments: list[str]) -> str | None:
        """The argument `run` of a command line; None where its options are wrong."""
        silent = argparse.ArgumentParser.parse_known_intermixed_args
        error, self.error = self.error, _raise  # type: ignore[method-assign, assignment]
        try:
            return silent(self, [a for a in arguments if a not in ("-h", "--help")])[0].run
        except ValueError:
            return None
        finally:
            self.error = error  # type: ignore[method-assign]

    def refuse(self, argument: str) -> NoReturn:
        """End with the sentence for an argument that means nothing here."""
        name = argument.split("=")[0]
        near = did_you_mean(name, options_of(self))
        usage = "" if near else "; " + self.format_usage().strip()
        self.error(f"{name}: no such option{near}{usage}")

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message}", file=sys.stderr)
        sys.exit(2)
