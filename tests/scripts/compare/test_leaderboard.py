from __future__ import annotations

import math
from pathlib import Path

import pytest
import yaml

from datamodules.errors import BadInput
from scripts.compare import output
from scripts.compare.leaderboard import compare
from scripts.compare.runs import read_runs
from scripts.compare.verdict import notes, verdict
from tests.run_folders import write_run


def test_the_best_stands_first_whichever_way_is_better(tmp_path: Path) -> None:
    write_run(tmp_path / "gru", metrics={"test/accuracy": 0.8, "test/loss": 0.2})
    write_run(tmp_path / "lstm", module="LSTM", metrics={"test/accuracy": 0.9, "test/loss": 0.1})
    for metric in ("test/accuracy", "test/loss"):
        (board,) = compare(read_runs([str(tmp_path)]), metric).leaderboards
        assert [row.configuration.name for row in board.rows] == ["LSTM", "GRU"]


@pytest.mark.parametrize("metric", ["test/cer", "test/infeasible"])
def test_fewer_errors_and_lost_lines_are_better(metric: str, tmp_path: Path) -> None:
    task = "transcription.task.Transcription"
    write_run(tmp_path / "gru", metrics={metric: 3.0}, task=task)
    write_run(tmp_path / "lstm", module="LSTM", metrics={metric: 1.0}, task=task)
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
    assert output.data_difference(comparison, comparison.leaderboards[1]).startswith("on other data: ")


def test_what_training_alone_sees_separates_nothing(tmp_path: Path) -> None:
    write_run(tmp_path / "a", [1.0, 0.0], datamodule={"batch_size": 4, "data_dir": "here"})
    write_run(tmp_path / "b", [1.0, 0.0], datamodule={"batch_size": 8, "data_dir": "there", "sampling": "balanced"})
    (board,) = compare(read_runs([str(tmp_path)])).leaderboards
    assert len(board.rows) == 2


def test_runs_that_did_not_finish_are_counted(tmp_path: Path) -> None:
    write_run(tmp_path / "finished", [1.0, 0.0])
    write_run(tmp_path / "nan", metrics={"test/accuracy": math.nan}, seed=2)
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


def test_validation_chooses_and_test_reports(tmp_path: Path) -> None:
    write_run(tmp_path / "gru", [1.0, 0.0, 0.0, 0.0], metrics={"val/accuracy": 0.9})
    write_run(tmp_path / "lstm", [1.0, 1.0, 1.0, 1.0], module="LSTM", metrics={"val/accuracy": 0.8})
    comparison = compare(read_runs([str(tmp_path)]))
    (board,) = comparison.leaderboards
    assert (board.metric, board.reported, board.chosen_on_test) == ("val/accuracy", "test/accuracy", False)
    assert [row.configuration.name for row in board.rows] == ["GRU", "LSTM"]
    assert board.rows[1].versus_best.value == 0.75
    message = verdict(board)
    assert message.startswith("GRU, val/accuracy 0.9000, test/accuracy 0.2500; ")
    assert "LSTM is really better by test/accuracy, but not chosen by it" in message
    cells = output.rows_for_people(board)[1]
    assert (cells["val/accuracy"], cells["test/accuracy"]) == ("0.8000", "1")
    (board,) = compare(read_runs([str(tmp_path)]), "test/accuracy").leaderboards
    assert board.chosen_on_test
    assert "LSTM, test/accuracy 1 (chosen on the test split)" in verdict(board)
    assert compare(read_runs([str(tmp_path)]), "accuracy").leaderboards[0].metric == "val/accuracy"


def test_a_seed_counts_once(tmp_path: Path) -> None:
    """Three copies of one run, made by a rerun, a moved folder and an equal value, are one replicate."""
    for number, seed in enumerate((1, 1, 1, 2)):
        folder = write_run(
            tmp_path / f"gru{number}", metrics={"val/accuracy": 0.8 + seed / 100, "test/accuracy": 0.7}, seed=seed,
            settings={"optimizer.lr": 0.1}, started=f"2026-01-0{9 - number}T00:00:00",
        )  # fmt: skip
        config = yaml.safe_load((folder / "config.yaml").read_text())
        config |= {"runs_dir": str(number), "rerun": "x", "name": "n"}
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
    comparison = compare(read_runs([str(tmp_path)]))
    ((row,),) = [board.rows for board in comparison.leaderboards]
    assert (row.num_runs, row.mean) == (2, pytest.approx(0.815))
    assert row.half_interval == pytest.approx(12.7062047 * 0.005, rel=1e-4), "t with one degree of freedom"
    repeats = [run.folder.path.name for run in comparison.leaderboards[0].repeats]
    assert sorted(repeats) == ["gru0", "gru1"], "the one that was started first counts"
    (note,) = [line for line in notes(comparison.leaderboards[0]) if "repeats" in line]
    assert note.startswith("2 of 4 runs are repeats (same settings, data and seed) and count once: ")


def test_configurations_that_lack_seeds_stand_behind(tmp_path: Path) -> None:
    write_run(tmp_path / "a1", metrics={"val/accuracy": 0.95})
    write_run(tmp_path / "a2", seed=2, status={"status": "failed", "reason": "no memory"})
    for seed in (1, 2):
        write_run(tmp_path / f"b{seed}", module="LSTM", seed=seed, metrics={"val/accuracy": 0.9})
    (board,) = compare(read_runs([str(tmp_path)])).leaderboards
    assert [row.configuration.name for row in board.rows] == ["LSTM", "GRU"]
    assert output.rows_for_people(board)[1]["n"] == "1 of 2"
    assert "not all seeds have finished: GRU; ranked behind the complete configurations" in notes(board)


def test_a_metric_of_somebodys_own_goes_the_way_that_it_declares(tmp_path: Path) -> None:
    facts = {"monitor": "regret", "info": {"regret": {"direction": "minimize", "columns": ["lost"]}}}
    for name, module, lost in (("a", "GRU", [1.0, 3.0]), ("b", "LSTM", [0.5, 0.5])):
        metrics = {"val/regret": sum(lost), "test/regret": sum(lost) / 2}
        write_run(tmp_path / name, [0.0, 0.0], module=module, metrics=metrics, facts=facts, columns={"lost": lost})
    (board,) = compare(read_runs([str(tmp_path)])).leaderboards
    assert [row.configuration.name for row in board.rows] == ["LSTM", "GRU"]
    assert board.rows[1].versus_best.covers == ("examples",)
    write_run(tmp_path / "c", [0.0, 0.0], metrics={"val/luck": 1.0}, facts={"monitor": "luck", "info": {}})
    (board, *_) = compare(read_runs([str(tmp_path / "c")])).leaderboards
    assert "val/luck: its class declares no direction; higher is taken for better" in notes(board)
    facts["info"]["regret"]["direction"] = "down"
    write_run(tmp_path / "d", [0.0, 0.0], metrics={"val/regret": 1.0}, facts=facts)
    (broken,) = read_runs([str(tmp_path / "d")])
    assert broken.status == "unreadable"
    assert "direction='down'; one of minimize, maximize is accepted" in broken.reason


def test_runs_with_other_truths_are_not_paired(tmp_path: Path) -> None:
    from scripts.compare.pair import pair

    for name, targets in (("a", ["x", "y"]), ("b", ["y", "x"]), ("c", ["x", "y"])):
        write_run(tmp_path / name, [1.0, 0.0], seed=ord(name), columns={"target": targets, "prediction": ["x", "x"]})
    comparison = compare(read_runs([str(tmp_path)]))
    assert [len(board.data.runs) for board in comparison.leaderboards] == [2, 1]
    with pytest.raises(BadInput, match=r"b: 2 of 2 examples have another target than in .*a"):
        pair(str(tmp_path / "a"), str(tmp_path / "b"))
    assert pair(str(tmp_path / "a"), str(tmp_path / "c")).counts["examples"] == 2


def test_numbers_that_differ_in_their_last_digits_are_the_same_truth(tmp_path: Path) -> None:
    task = "forecasting.task.Forecasting"
    for name, shift in (("a", 0.0), ("b", 1e-4), ("c", 50.0)):
        targets = [100.0 + shift, 140.0 + shift, 180.0 + shift]
        columns = {"target": targets, "prediction": targets}
        write_run(tmp_path / name, [0.0] * 3, seed=ord(name), columns=columns, task=task, metrics={"test/smape": 0.0})
    comparison = compare(read_runs([str(tmp_path)]))
    assert [[run.folder.path.name for run in board.data.runs] for board in comparison.leaderboards] == [
        ["a", "b"],
        ["c"],
    ]


def test_folders_are_taken_by_name_before_they_are_patterns(tmp_path: Path) -> None:
    write_run(tmp_path / "[a]{b}*?" / "one", [1.0])
    write_run(tmp_path / "a" / "two", [1.0])
    (found,) = read_runs([f"{tmp_path}/[a]{{b}}*?"])
    assert found.folder.path.name == "one"
