from __future__ import annotations

import math
from pathlib import Path

import pytest

from scripts.comparison.leaderboard import configurations, leaderboard, t_quantile
from scripts.comparison.runs import Run, flat
from scripts.runs.folder import RunFolder


def run(accuracy: float | None, seed: int = 1, **settings: object) -> Run:
    metrics = None if accuracy is None else {"test/accuracy": accuracy, "test/cer": 1 - accuracy, "params": 10}
    return Run(RunFolder(Path("x")), {"seed": seed, **settings}, metrics, "data")


def test_seeds_make_one_row_with_an_interval() -> None:
    rows = leaderboard([run(0.8, 1), run(0.9, 2), run(0.85, 3)], "test/accuracy")
    assert len(rows) == 1
    assert rows[0]["test/accuracy"] == pytest.approx(0.85)
    assert rows[0]["± 95 %"] == pytest.approx(4.302652729911275 * 0.05 / math.sqrt(3))
    assert rows[0]["seeds"] == 3
    assert leaderboard([run(0.8)], "test/accuracy")[0]["± 95 %"] is None


def test_the_best_stands_first_whichever_way_is_better() -> None:
    runs = [run(0.8, module="GRU"), run(0.9, module="LSTM")]
    assert [row["module"] for row in leaderboard(runs, "test/accuracy")] == ["LSTM", "GRU"]
    assert [row["module"] for row in leaderboard(runs, "test/cer")] == ["LSTM", "GRU"]


def test_only_what_tells_configurations_apart_is_shown() -> None:
    runs = [
        run(0.8, module="GRU", **{"module.hidden_size": 1, "module.cell": "x", "optimizer.lr": 1}),
        run(0.9, module="GRU", **{"module.hidden_size": 2, "module.cell": "x", "optimizer.lr": 1}),
        run(0.9, module="Bag", **{"module.max_n": 5, "optimizer.lr": 1}),
    ]
    shown = [c.settings for c in configurations(runs)]
    assert all(settings.keys() == {"module", "module.hidden_size"} for settings in shown)
    assert len(shown) == 3


def test_unfinished_runs_make_no_row() -> None:
    assert leaderboard([run(None), run(0.5, 2)], "test/accuracy")[0]["seeds"] == 1


def test_settings_are_flat_and_classes_stand_for_their_group() -> None:
    nested = {"module": {"_target_": "lightning_modules.gru.GRU", "hidden_size": 3}, "seed": 1, "_x": 2}
    assert dict(flat(nested)) == {"module": "GRU", "module.hidden_size": 3, "seed": 1}


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 9, 30, 1000])
def test_the_t_quantile(freedom: int) -> None:
    stats = pytest.importorskip("scipy.stats", reason="scipy comes with the extra `baselines`")
    assert t_quantile(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=2e-3)
