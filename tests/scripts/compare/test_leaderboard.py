from __future__ import annotations

import math
from pathlib import Path

import pytest

from datamodules.errors import BadInput
from scripts.compare import output
from scripts.compare.leaderboard import compare
from scripts.compare.runs import read_runs
from tests.run_folders import write_run


def test_the_best_stands_first_whichever_way_is_better(tmp_path: Path) -> None:
    write_run(tmp_path / "gru", metrics={"test/accuracy": 0.8, "test/loss": 0.2})
    write_run(tmp_path / "lstm", module="LSTM", metrics={"test/accuracy": 0.9, "test/loss": 0.1})
    for metric in ("test/accuracy", "test/loss"):
        (board,) = compare(read_runs([str(tmp_path)]), metric).leaderboards
        assert [row.configuration.name for row in board.rows] == ["LSTM", "GRU"]


@pytest.mark.parametrize("metric", ["test/cer", "test/infeasible"])
def test_fewer_errors_and_lost_lines_are_better(metric: str, tmp_path: Path) -> None:
    write_run(tmp_path / "gru", metrics={metric: 3.0})
    write_run(tmp_path / "lstm", module="LSTM", metrics={metric: 1.0})
    (board,) = compare(read_runs([str(tmp_path)]), metric).leaderboards
    assert [row.configuration.name for row in board.rows] == ["LSTM", "GRU"]


def test_seeds_make_one_row(tmp_path: Path) -> None:
    for seed, accuracy in enumerate((0.8, 0.9, 0.85), 1):
        write_run(tmp_path / str(seed), metrics={"test/accuracy": accuracy}, seed=seed)
    ((row,),) = [board.rows for board in compare(read_runs([str(tmp_path)])).leaderboards]
    assert (row.mean, row.num_runs) == (pytest.approx(0.85), 3)
    assert row.half_interval == pytest.approx(4.302652729911275 * 0.05 / math.sqrt(3))


@pytest.mark.parametrize(
    ("other", "differs"),
    [
        ({"fingerprint": "b" * 64}, {"fingerprint": "b" * 64}),
        ({"datamodule": {"test_fraction": 0.3}}, {"datamodule.test_fraction": 0.3}),
        ({"datamodule": {"normalize": "nfc"}, "fingerprint": "b" * 64}, {"datamodule.normalize": "nfc"}),
        ({"columns": {"id": ["u", "v", "w"]}}, None),
    ],
)
def test_runs_on_other_data_are_never_ranked_together(tmp_path: Path, other: dict, differs: dict | None) -> None:
    for seed in (1, 2):
        write_run(tmp_path / str(seed), [1.0, 0.0, 1.0], seed=seed)
    write_run(tmp_path / "other", [1.0, 1.0, 1.0], **other)
    comparison = compare(read_runs([str(tmp_path)]))
    assert [len(board.rows) for board in comparison.leaderboards] == [1, 1]
    apart = comparison.leaderboards[1].data.differs
    assert apart == differs if differs else list(apart) == ["test examples"]
    assert output.why_apart(comparison, comparison.leaderboards[1]).startswith("on other data: ")


def test_what_training_alone_sees_separates_nothing(tmp_path: Path) -> None:
    write_run(tmp_path / "a", [1.0, 0.0], datamodule={"batch_size": 4, "data_dir": "here"})
    write_run(tmp_path / "b", [1.0, 0.0], datamodule={"batch_size": 8, "data_dir": "there", "sampling": "balanced"})
    (board,) = compare(read_runs([str(tmp_path)])).leaderboards
    assert len(board.rows) == 2


def test_runs_that_did_not_finish_are_counted(tmp_path: Path) -> None:
    write_run(tmp_path / "finished", [1.0, 0.0])
    write_run(tmp_path / "nan", metrics={"test/accuracy": math.nan})
    write_run(tmp_path / "going on")
    write_run(tmp_path / "failed", status={"status": "failed", "reason": "out of memory"})
    write_run(tmp_path / "pruned", status={"status": "pruned", "reason": "at epoch 3"})
    (tmp_path / "early").mkdir()
    (tmp_path / "early" / "status.json").write_text('{"status": "failed", "reason": "no data"}')
    write_run(tmp_path / "broken", [1.0])
    (tmp_path / "broken" / "metrics.json").write_text("{")
    comparison = compare(read_runs([str(tmp_path)]))
    assert comparison.counts == {"finished": 2, "unreadable": 1, "failed": 2, "unfinished": 1, "pruned": 1}
    assert output.endings(comparison) == "7 runs: 2 finished, 1 unreadable, 2 failed, 1 unfinished, 1 pruned"
    assert f"failed: {tmp_path / 'failed'}: out of memory" in output.reasons(comparison)
    assert sum(board.without_value for board in comparison.leaderboards) == 1


def test_metrics_that_no_run_has_are_refused(tmp_path: Path) -> None:
    write_run(tmp_path / "a", [1.0, 0.0])
    with pytest.raises(BadInput, match=r"--metric test/acuracy: no run has it \(did you mean 'test/accuracy'\?\)"):
        compare(read_runs([str(tmp_path)]), "test/acuracy")


def test_patterns_and_repeated_paths_name_each_run_once(tmp_path: Path) -> None:
    write_run(tmp_path / "sweep" / "a", [1.0])
    write_run(tmp_path / "sweep" / "b", [1.0])
    assert len(read_runs([f"{tmp_path}/sweep/*", str(tmp_path), str(tmp_path / "sweep" / "a")])) == 2
    with pytest.raises(BadInput, match="there is no such folder"):
        read_runs([f"{tmp_path}/none*"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="no run folder in it"):
        read_runs([str(tmp_path / "empty")])
