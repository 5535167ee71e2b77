"""Sequence to sequence: training, evaluation and prediction from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commands import run


@pytest.fixture(scope="module", params=["seq2seq", "transformer"])
def trained_run(request: pytest.FixtureRequest, pairs_file: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    overrides = [f"datamodule.data_dir={pairs_file}", f"runs_dir={tmp_path_factory.mktemp('runs')}"]
    overrides += ["datamodule=text_pairs", f"module={request.param}", "module.hidden_size=32", "trainer.max_epochs=4"]
    overrides += ["optimizer.lr=0.01", "datamodule.batch_size=16", "evaluate=[val,test]"]
    return run("train.py", *overrides).stdout.strip().splitlines()[-1]


def test_a_run_predicts_and_is_evaluated(trained_run: str) -> None:
    metrics = json.loads((Path(trained_run) / "metrics.json").read_text())
    assert {"test/exact_match", "test/cer", "test/wer", "test/bleu"} <= set(metrics)
    assert {"test_attention.png", "test_by_length.png"} <= {p.name for p in (Path(trained_run) / "figures").iterdir()}
    rows = read(run("predict.py", trained_run, "-", "--json", stdin="Abe\nKeane\n").stdout)
    assert [row["input"] for row in rows] == ["Abe", "Keane"] and all(row["log_prob"] < 0 for row in rows)
    wide = read(run("predict.py", trained_run, "Abe", "Keane", "--json", "--beam-width", 20).stdout)
    assert {row["input"] for row in wide} == {"Abe", "Keane"}
    again = json.loads(run("evaluate.py", trained_run, "--json", "decoding.method=beam_search").stdout)
    assert again["test/loss"] == pytest.approx(metrics["test/loss"], abs=1e-5)


def read(output: str) -> list[dict]:
    return [json.loads(line) for line in output.splitlines()]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["datamodule=text_pairs", "module=gru"], "module=gru has no decoder; task=transduction needs one"),
        (["module=seq2seq"], "module=seq2seq decodes a sequence; task=classification has no sequence as output"),
        (
            ["datamodule=text_pairs", "module=transformer", "module.decoder_layers=0"],
            "module=transformer has no decoder",
        ),
    ],
)
def test_pairs_that_make_no_sense_are_refused(overrides: list[str], message: str) -> None:
    done = run("train.py", *overrides, status=2)
    assert message in done.stderr and "Traceback" not in done.stderr
