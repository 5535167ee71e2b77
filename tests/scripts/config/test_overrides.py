"""The words of a training command, in whatever order a person types them."""

from __future__ import annotations

import pytest

from scripts.config.command_line import split


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("module=gru -m seed=1,2", "-m module=gru seed=1,2"),
        ("-m module=gru seed=1", "-m module=gru seed=1"),
        ("~trainer.max_epochs --cfg job +a.b=1", "--cfg job ~trainer.max_epochs +a.b=1"),
        ("a=1 --config-dir x=y a=1 --multirun", "--config-dir x=y --multirun a=1 a=1"),
        ("a=-1 b=[1,2]", "a=-1 b=[1,2]"),
    ],
)
def test_options_come_first(typed: str, read: str) -> None:
    options, words = split(typed.split())
    assert [*options, *words] == read.split()
