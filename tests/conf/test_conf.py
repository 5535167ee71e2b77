"""Every file in conf composes, fits what it is for, and can be used; a new file is tested without a word here."""

from __future__ import annotations

import re

import pytest
import torch

from datamodules.errors import BadInput
from lightning_modules.training.instantiate import build
from lightning_modules.training.schedules import RunLength
from scripts.config.check import check
from scripts.config.composing import compose
from scripts.config.overrides import CONF, groups, options
from tests.pairs import FITTING, WORKLOADS

CHOICES = [(group, option) for group in groups() for option in options(group)]


@pytest.mark.parametrize(("group", "option"), CHOICES, ids=lambda choice: choice)
def test_every_choice_composes_and_fits(group: str, option: str) -> None:
    """With at least one data module: an architecture or a task is not for all of them."""
    found = []
    first = next((workload for module, workload in FITTING if (group, module) == ("module", option)), None)
    data = [word for word in WORKLOADS[first] if word.startswith("datamodule=")] if first else []
    others = [f"datamodule={datamodule}" for datamodule in options("datamodule")]
    for choice in [None] if group in ("datamodule", "experiment") else [*data, *others]:  # most likely to fit, first
        overrides = [f"{group}={option}", *([choice] if choice else [])]
        try:
            return check(compose(*overrides))
        except BadInput as error:
            found.append(error)
    raise found[0]


@pytest.mark.parametrize(("group", "option"), CHOICES, ids=lambda choice: choice)
def test_every_file_says_what_it_is(group: str, option: str) -> None:
    first = (CONF / group / f"{option}.yaml").read_text(encoding="utf-8").splitlines()
    comments = [line for line in first if line.startswith("# ") and "@package" not in line]
    assert comments, "a header comment says what it is"
    if group == "experiment":
        assert any("python scripts/train.py" in line for line in comments), "and the command that uses it"
    named = re.findall(r"\bbenchmarks/[\w/.]+\w", " ".join(comments))
    assert not [path for path in named if not (CONF.parent / path).exists()], "what it points to is there"


@pytest.mark.parametrize("option", options("scheduler"))
def test_every_schedule_stays_between_0_and_1(option: str) -> None:
    schedule = build(compose(f"scheduler={option}")["scheduler"])
    factors = [schedule.factor(step, RunLength(10, 200)) for step in range(200)]
    assert all(0 <= factor <= 1 for factor in factors)
    assert max(factors) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("option", options("optimizer"))
def test_every_optimizer_steps(option: str) -> None:
    from hydra.utils import instantiate

    weight = torch.nn.Parameter(torch.ones(3))
    optimizer = instantiate(compose(f"optimizer={option}")["optimizer"], _convert_="all")([{"params": [weight]}])
    weight.sum().backward()
    optimizer.step()
    assert (weight < 1).all()


def test_the_table_of_modules_and_tasks_is_true() -> None:
    lines = (CONF / "module" / "README.md").read_text(encoding="utf-8").splitlines()
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    tasks = table[0][1:]
    stated = {(row[0].strip("`"), task) for row in table[2:] for task, cell in zip(tasks, row[1:]) if cell == "yes"}
    assert stated == {(module, workload.partition("-")[2]) for module, workload in FITTING}
