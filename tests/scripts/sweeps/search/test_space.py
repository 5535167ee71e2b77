from __future__ import annotations

import pytest

from datamodules.errors import BadInput
from scripts.config.overrides import relaxed
from scripts.sweeps.search.space import space_of


def test_a_grid_is_every_combination_of_the_values_as_written() -> None:
    overrides = relaxed(
        ["module=rnn,gru", "module.hidden_size=choice(8,16)", "trainer.max_epochs=2", "sweep.workers=2"]
    )
    space = space_of(overrides, {})
    assert [axis.key for axis in space.axes] == ["module", "module.hidden_size"]
    assert space.fixed == ("++trainer.max_epochs=2",)
    assert space.grid()[1:3] == [["module=rnn", "++module.hidden_size=16"], ["module=gru", "++module.hidden_size=8"]]
    assert len(space.grid()) == 4


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ("range(1,4)", [1, 2, 3]),
        ("range(0,1,0.25)", [0, 0.25, 0.5, 0.75]),
        ("a,'b c',null,true", ["a", "b c", None, True]),
        ("[1,2],[3]", ["[1,2]", "[3]"]),
        ("sort(3,1,2)", [1, 2, 3]),
    ],
)
def test_values_of_every_kind(written: str, values: list) -> None:
    (axis,) = space_of([f"key={written}"], {}).axes
    assert axis.python_values() == values
    assert len(axis.values()) == len(values)


def test_the_command_line_wins_over_the_file() -> None:
    space = space_of(["seed=3,4"], {"seed": "1,2", "optimizer.lr": [0.1, 0.2]})
    assert {axis.key: axis.text for axis in space.axes} == {"optimizer.lr": "0.1,0.2", "seed": "3,4"}


def test_what_makes_two_sweeps_the_same_is_not_where_or_how_they_run() -> None:
    one = space_of(["seed=1,2", "runs_dir=a", "sweep.workers=1", "++trainer.max_epochs=2"], {})
    two = space_of(["seed=1,2", "runs_dir=b", "sweep.workers=3", "++trainer.max_epochs=2", "logger=none"], {})
    assert one.described() == two.described() == {"seed": "1,2", "trainer.max_epochs": "2"}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("optimizer.lr=interval(0,1)", r"optimizer.lr=interval\(0,1\): has no list of values; sweep.trials=N searches"),
        ("runs_dir=a,b", "runs_dir=a,b: every job of a sweep has the same; give one value"),
    ],
)
def test_what_is_no_grid(override: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        space_of([override], {}).grid()
