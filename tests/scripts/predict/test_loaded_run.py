"""Finished runs of every task in a program: predictions, embeddings, spec; and embeddings by the command."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars
import pytest
import torch
from PIL import Image, ImageDraw

from datamodules.errors import BadInput
from scripts.predict.loaded_run import LoadedRun, load_run
from tests.commands import run
from tests.test_earlier_runs import KEPT

TASKS = ("classification", "forecasting", "generation", "transcription", "transduction")


@pytest.fixture(scope="module")
def runs() -> dict[str, LoadedRun]:
    """A small finished run of each task; those that earlier versions made are ones of this version, too."""
    return {task: load_run(KEPT / task) for task in TASKS}


def line_image(text: str) -> Image.Image:
    image = Image.new("L", (60 + 8 * len(text), 24), 255)
    ImageDraw.Draw(image).text((8, 6), text, fill=0)
    return image


def load_table(rows: int) -> polars.DataFrame:
    start = datetime(2020, 1, 1)
    return polars.DataFrame(
        {
            "Datetime": [(start + timedelta(hours=i)).strftime("%Y-%m-%d %H:%M:%S") for i in range(rows)],
            "MW": [100.0 + 10 * np.sin(i / 4) for i in range(rows)],
        }
    )


def test_texts_are_classified(runs) -> None:
    first, second = runs["classification"].predict(["Yamamoto", "Kowalski"], top_k=4)
    assert {name for name, _ in first} == set(runs["classification"].spec.classes)
    assert sum(torch.tensor([log_prob for _, log_prob in second]).exp()).item() == pytest.approx(1.0, abs=1e-4)
    (nothing,) = runs["classification"].predict([""])
    assert isinstance(nothing, BadInput)


def test_images_are_read(runs, tmp_path) -> None:
    image = line_image("Haus")
    image.save(tmp_path / "line.png")
    of_file, of_image, of_array, of_text = runs["transcription"].predict(
        [tmp_path / "line.png", image, np.asarray(image), 3]
    )
    assert of_file.text == of_image.text == of_array.text
    assert of_file.name == str(tmp_path / "line.png")
    assert of_array.confidence == of_file.confidence
    assert "array uint8" in str(of_text)
    (by_beam,) = runs["transcription"].predict([image], beam_width=3)
    assert isinstance(by_beam.text, str)


def test_series_are_forecast(runs, tmp_path) -> None:
    spec = runs["forecasting"].spec
    table = load_table(spec.lookback + 30)
    table.write_csv(tmp_path / "load.csv")
    of_file, of_table, missing = runs["forecasting"].predict([tmp_path / "load.csv", table, tmp_path / "none.csv"])
    assert isinstance(missing, BadInput)
    assert len(of_file) == spec.horizon
    assert of_file["stamp"][0] == (datetime(2020, 1, 1) + timedelta(hours=len(table))).strftime("%Y-%m-%d %H:%M:%S")
    assert of_table["forecast"].to_list() == of_file["forecast"].to_list()
    (backtest,) = runs["forecasting"].predict([table], backtest=10)
    assert backtest["actual"].null_count() < len(backtest)
    (pandas,) = runs["forecasting"].predict(
        [type("Pandas", (), {"to_csv": lambda self, path: table.write_csv(path)})()]
    )
    assert pandas["forecast"].to_list() == of_file["forecast"].to_list()


def test_texts_are_translated_and_continued(runs) -> None:
    first, second = runs["transduction"].predict(["Suzuki", "Abe"])
    assert isinstance(first[0], str)
    assert second[1] <= 0
    texts = runs["generation"].predict(["A", ""], count=3, label="Polish", seed=3)
    assert len(texts) == 6
    assert texts == runs["generation"].predict(["A", ""], count=3, label="Polish", seed=3)
    assert all(text.startswith(("a", "A")) for text in texts[:3])
    with pytest.raises(BadInput, match="temprature: no such option"):
        runs["generation"].predict(["A"], temprature=1)


@pytest.mark.parametrize("task", TASKS)
def test_the_vector_of_an_input_is_its_own(task, runs) -> None:
    inputs: dict[str, list[Any]] = {
        "forecasting": [load_table(runs["forecasting"].spec.lookback + i) for i in range(2)],
        "transcription": [line_image("Haus"), line_image("Garten und Hof")],
    }
    options = {"label": "Polish"} if task == "generation" else {}
    both = inputs.get(task, ["Yamamoto", "Li"])
    vectors = runs[task].embeddings(both, **options)
    assert vectors.shape == (2, runs[task].module.encoding_size)
    assert vectors.dtype == torch.float32
    for given, vector in zip(both, vectors):  # without its batch, and its padding
        torch.testing.assert_close(runs[task].embeddings([given], **options)[0], vector, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(vectors[0], vectors[1])


def test_the_vector_of_a_class_is_what_the_output_layer_reads(runs) -> None:
    found = runs["classification"]
    vectors = found.embeddings(["Yamamoto", "Li"])
    scores = found.module.task.output(vectors).log_softmax(dim=1)
    for row, best in zip(scores, found.predict(["Yamamoto", "Li"], top_k=1)):
        assert row.max().item() == pytest.approx(best[0][1], abs=1e-5)


@pytest.mark.parametrize("task", ["classification", "forecasting", "transcription"])
def test_the_command_writes_all_vectors_to_a_table(task, runs, tmp_path) -> None:
    (tmp_path / "names.csv").write_text("name,x\nYamamoto,1\nLi,2\n,3\n")
    line_image("Haus").save(tmp_path / "line.png")
    lookback = runs["forecasting"].spec.lookback
    load_table(lookback + 8).write_csv(tmp_path / "load.csv")
    words, failed = {
        "classification": (["--file", tmp_path / "names.csv", "--column", "name"], 1),
        "forecasting": ([tmp_path / "load.csv", "--backtest", 8], 0),
        "transcription": ([tmp_path / "line.png", tmp_path / "none.png"], 1),
    }[task]
    file = tmp_path / "out.parquet"
    done = run("predict.py", KEPT / task, *words, "--embeddings", file, status=failed)
    assert done.stdout == f"{file}\n"
    table = polars.read_parquet(file)
    if task == "classification":
        assert table["input"].to_list() == ["Yamamoto", "Li"]
        expected = runs[task].embeddings(["Yamamoto", "Li"])
    elif task == "forecasting":
        assert table.columns == ["series", "cutoff", "embedding"]
        expected = runs[task].embeddings([tmp_path / "load.csv"], backtest=8)
        assert len(table) > 1
    else:
        assert table["input"].to_list() == [str(tmp_path / "line.png")]
        expected = runs[task].embeddings([tmp_path / "line.png"])
    torch.testing.assert_close(torch.tensor(table["embedding"].to_numpy()), expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["Abe", "--embeddings", "out.csv"], "--embeddings out.csv: a name that ends in .parquet is accepted"),
        (["Abe", "--embeddings", "none/out.parquet"], "--embeddings none/out.parquet: cannot be written"),
        (["--embeddings", "out.parquet"], "--embeddings: there is no input"),
    ],
)
def test_what_cannot_be_written_is_a_sentence(words, sentence) -> None:
    done = run("predict.py", KEPT / "classification", *words, status=2)
    assert done.stderr.splitlines()[-1].startswith(sentence)


def test_no_run_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        load_run(tmp_path)
