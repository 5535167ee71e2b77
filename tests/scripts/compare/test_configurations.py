from __future__ import annotations

from pathlib import Path

import pytest

from datamodules.errors import BadInput
from scripts.compare.configurations import configurations
from scripts.compare.runs import Run, flat
from scripts.runs.folder import RunFolder


def run(seed: int = 1, **settings: object) -> Run:
    overrides = {"overrides": settings.pop("overrides", [])}
    return Run(RunFolder(Path("x")), {"seed": seed, **settings}, {"test/accuracy": 0.5}, overrides)


def test_only_what_tells_configurations_apart_is_shown() -> None:
    runs = [
        run(module="GRU", **{"module.hidden_size": 1, "module.cell": "x", "optimizer.lr": 1}),
        run(module="GRU", **{"module.hidden_size": 2, "module.cell": "x", "optimizer.lr": 1}),
        run(module="Bag", **{"module.max_n": 5, "optimizer.lr": 1}),
    ]
    shown = [c.settings for c in configurations(runs)]
    assert all(settings.keys() == {"module", "hidden_size"} for settings in shown)
    assert [c.name for c in configurations(runs)] == ["GRU hidden_size=1", "GRU hidden_size=2", "Bag"]


def test_what_a_person_set_is_shown_even_if_each_class_has_one_value_of_it() -> None:
    runs = [
        run(module="GRU", overrides=["module.hidden_size=1"], **{"module.hidden_size": 1}),
        run(module="LSTM", overrides=["module.hidden_size=2"], **{"module.hidden_size": 2}),
    ]
    assert [c.settings for c in configurations(runs)] == [
        {"module": "GRU", "hidden_size": 1},
        {"module": "LSTM", "hidden_size": 2},
    ]


def test_seeds_places_and_loggers_make_no_configuration() -> None:
    runs = [
        run(1, name="a", **{"logger.csv": "CSVLogger", "datamodule.data_dir": "x"}),
        run(2, name="b", **{"datamodule.data_dir": "./x"}),
    ]
    assert len(configurations(runs)) == 1


def test_short_names_that_two_groups_share_stay_long() -> None:
    runs = [run(module="GRU", **{"module.dropout": d, "optimizer.dropout": d, "optimizer.lr": d}) for d in (0.1, 0.2)]
    assert list(configurations(runs)[0].settings) == ["module.dropout", "optimizer.dropout", "lr"]


def test_group_by_collapses_all_else() -> None:
    runs = [run(module=m, **{"optimizer.lr": lr}) for m in ("GRU", "LSTM") for lr in (1, 2, 3)]
    assert [len(c.runs) for c in configurations(runs, ["module"])] == [3, 3]
    assert [c.settings for c in configurations(runs, ["lr"])] == [{"lr": 1}, {"lr": 2}, {"lr": 3}]
    with pytest.raises(BadInput, match=r"--group-by lrr: no run has this setting \(did you mean 'lr'\?\)"):
        configurations(runs, ["lrr"])


def test_settings_are_flat_and_classes_stand_for_their_group() -> None:
    nested = {"module": {"_target_": "lightning_modules.gru.GRU", "hidden_size": 3}, "seed": 1, "_x": 2}
    target = "lightning_modules.gru.GRU"
    assert dict(flat(nested)) == {"module": "GRU", "module._target_": target, "module.hidden_size": 3, "seed": 1}


def test_a_baseline_is_one_row_however_the_others_are_trained() -> None:
    target = {"module._target_": "lightning_modules.baselines.majority.Majority"}
    runs = [run(module="Majority", **target, **{"optimizer.lr": lr}) for lr in (1, 2)]
    runs += [run(module="GRU", **{"optimizer.lr": lr}) for lr in (1, 2)]
    assert [c.name for c in configurations(runs)] == ["Majority", "GRU lr=1", "GRU lr=2"]
    assert list(configurations(runs[:3])[0].settings) == ["module"]
