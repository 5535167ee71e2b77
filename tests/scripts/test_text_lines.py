"""Lines of text from the command line: train, evaluate, predict, convert."""

from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import polars
import pytest
import torch

from datamodules.errors import BadInput
from datamodules.line_images.page_files import parse_page_file
from scripts.config.check import check
from scripts.config.composing import compose
from tests.commands import run
from tests.datamodules.line_images.pictures import encoded, write_lines_folder, written


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_lines_folder(tmp_path_factory.mktemp("data") / "lines", count=20)


@pytest.fixture(scope="module")
def run_folder(lines: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that knows its 20 lines by heart."""
    runs = tmp_path_factory.mktemp("runs")
    done = run(
        "train.py", "datamodule=text_lines", "module=crnn", f"datamodule.data_dir={lines}", f"runs_dir={runs}",
        "datamodule.test_fraction=0.0", "datamodule.val_fraction=0.0", "datamodule.augmentation=null",
        "trainer.max_epochs=30", "datamodule.batch_size=5", "optimizer.lr=0.005", "module.hidden_size=48",
        "evaluate=[train]",
    )  # fmt: skip
    return Path(done.stdout.strip())


def figures(folder: Path) -> set[str]:
    """Names of the pictures in a run's event file."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder))
    events.Reload()
    return set(events.Tags()["images"])


def test_a_small_reader_learns_20_lines_to_the_last_character(run_folder: Path) -> None:
    metrics = json.loads((run_folder / "metrics.json").read_text())
    assert metrics["train/cer"] == 0.0
    assert metrics["train/exact_match"] == 1.0
    assert metrics["train/infeasible"] == 0


def test_evaluate_reads_other_lines_and_names_the_most_frequent_edits(run_folder: Path, lines: Path, tmp_path) -> None:
    other = tmp_path / "other"
    shutil.copytree(lines, other)
    (other / "a_000.gt.txt").write_text("tin Ω\n", encoding="utf-8")
    done = run("evaluate.py", run_folder, f"datamodule.data_dir={other}")
    assert "most frequent edits" in done.stdout
    assert "Ω" in done.stdout
    done = run("evaluate.py", run_folder, "--split", "train", "decoding.method=beam_search", "--json")
    assert json.loads(done.stdout)["train/cer"] == 0.0
    done = run("evaluate.py", run_folder, "decoding.method=beam", status=2)
    assert done.stderr.startswith("decoding.method=beam: must be 'best_path' or 'beam_search'")


def test_predict_reads_images_and_folders_and_goes_on_after_bad_ones(run_folder: Path, lines: Path, tmp_path) -> None:
    torn = tmp_path / "torn.png"
    torn.write_bytes(b"no picture")
    done = run("predict.py", run_folder, torn, lines, tmp_path / "nowhere.png", lines / "b_001.png", "--json", status=1)
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(results) == 21
    for result in results:
        assert "".join(part["character"] for part in result["characters"]) == result["text"]
        borders = [edge for part in result["characters"] for edge in part["columns"]]
        assert borders == sorted(borders), "left to right"
        assert all(0 < part["confidence"] <= 1 for part in result["characters"])
    for result in results:
        truth = Path(result["input"]).with_suffix(".gt.txt").read_text().strip()
        assert result["text"] == truth
        assert 0.5 < result["confidence"] <= 1
    assert results[-1]["input"] == str(lines / "b_001.png")
    assert done.stderr.splitlines() == [
        f"{lines}: passed over 20 files that are no images: 20 .txt",
        f"{torn}: not an image that can be read (cannot identify image file)",
        f"{tmp_path / 'nowhere.png'}: cannot be read (No such file or directory)",
    ]


def test_predict_by_beam_search_with_a_language_model(run_folder: Path, lines: Path, tmp_path) -> None:
    (tmp_path / "words.txt").write_text("tin net\nten tie\n")
    overrides = ["--beam-width", "4", "--language-model", tmp_path / "words.txt"]
    done = run("predict.py", run_folder, lines / "c_002.png", *overrides)
    path, text, confidence = done.stdout.rstrip("\n").split("\t")
    assert path == str(lines / "c_002.png")
    assert text == (lines / "c_002.gt.txt").read_text().strip()
    assert float(confidence) > 0.5
    done = run("predict.py", run_folder, lines / "c_002.png", *overrides[2:], status=2)
    assert done.stderr == "--language-model: guides a beam search; give --beam-width as well\n"


def test_a_run_shows_its_lines(run_folder: Path) -> None:
    assert "train/lines" in figures(run_folder)
    environment = json.loads((run_folder / "environment.json").read_text())
    assert environment["data"]["infeasible"] == {}
    assert environment["data"]["splits"]["train"] == 20


def test_lines_that_ctc_cannot_fit_are_named_before_training(tmp_path: Path) -> None:
    lines = write_lines_folder(tmp_path / "lines", count=8)
    (lines / "a_000.gt.txt").write_text("t" * 200 + "\n")
    done = run(
        "train.py", "datamodule=text_lines", f"datamodule.data_dir={lines}", f"runs_dir={tmp_path}",
        "trainer.max_epochs=1", "module.hidden_size=4", "datamodule.split_by=random",
    )  # fmt: skip
    assert "data: 1 lines have too few steps for their text, so their loss is 0: a_000.png (" in done.stderr
    folder = Path(done.stdout.strip())
    assert {"train/lines", "val/lines", "test/lines"} <= figures(folder)
    metrics = json.loads((folder / "metrics.json").read_text())
    assert sum(metrics[f"{split}/infeasible"] for split in ("train", "val", "test")) == 1
    assert set(polars.read_parquet(folder / "predictions.parquet").columns) >= {"id", "target", "prediction", "score"}
    assert torch.load(folder / "checkpoints" / "best.ckpt", weights_only=True)["spec"]["kind"] == "written_lines"


def test_prepare_converts_between_forms(lines: Path, tmp_path: Path) -> None:
    done = run("prepare.py", "text_lines", lines, tmp_path / "lines.lmdb")
    assert done.stdout == f"{tmp_path / 'lines.lmdb'}\n"
    assert done.stderr == "text_lines: 20 lines written, 0 left out\n"
    run("prepare.py", "text_lines", tmp_path / "lines.lmdb", tmp_path / "table" / "lines.csv")
    table = polars.read_csv(tmp_path / "table" / "lines.csv")
    assert table["text"].to_list() == [file.read_text().strip() for file in sorted(lines.glob("*.gt.txt"))]
    done = run("prepare.py", "text_lines", lines, tmp_path / "lines.lmdb", status=2)
    assert "there is something already" in done.stderr


@pytest.mark.parametrize("form", ["page", "alto"])
def test_prepare_writes_page_files_of_single_lines(form: str, lines: Path, tmp_path: Path) -> None:
    done = run("prepare.py", "text_lines", lines, tmp_path / "pages", "--format", form)
    assert done.stdout == f"{tmp_path / 'pages'}\n"
    assert done.stderr == "text_lines: 20 lines written, 0 left out\n"
    for image in lines.glob("*.png"):
        (page,) = parse_page_file(tmp_path / "pages" / f"{image.stem}.xml")
        assert page.image == image.name
        assert [line.text for line in page.lines] == [image.with_suffix(".gt.txt").read_text().strip()]
    run("prepare.py", "text_lines", tmp_path / "pages", tmp_path / "again", "--format", "folder")
    again = {path.name: path.read_bytes() for path in (tmp_path / "again").iterdir()}
    assert again == {path.name: path.read_bytes() for path in lines.iterdir()}


def test_prepare_says_what_page_files_do_not_keep(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(encoded(written(number)))
    texts = [("one", "train"), ("two\x01", "train"), ("three", "test")]
    rows = "".join(f"{number}.png,{text},{split}\n" for number, (text, split) in enumerate(texts))
    (tmp_path / "lines.csv").write_text("path,text,split\n" + rows)
    done = run("prepare.py", "text_lines", tmp_path / "lines.csv", tmp_path / "pages", "--format", "alto")
    assert done.stderr.splitlines()[1:] == [
        "text_lines: official splits are kept in tables only (.tsv, .csv, .jsonl, .parquet)",
        "1.png: left out, its text has U+0001, which XML cannot hold",
        "text_lines: 2 lines written, 1 left out",
    ]
    done = run("prepare.py", "text_lines", tmp_path / "lines.csv", tmp_path / "out.csv", "--format", "page", status=2)
    assert done.stderr.splitlines()[1:] == [
        f"{tmp_path / 'out.csv'}: a table by its name; --format page writes a folder"
    ]
    done = run("prepare.py", "text_lines", tmp_path, tmp_path / "out", "--format", "hocr", status=2)
    assert "argument --format: invalid choice: 'hocr'" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["module=crnn", "datamodule=names"],
            "module=crnn takes image as input; task=classification gives steps, tokens",
        ),
        (
            ["datamodule=text_lines", "module=bag"],
            "module=bag takes tokens as input; task=transcription gives image, steps",
        ),
        (
            ["datamodule=text_lines", "task=classification"],
            "task=classification asks something of texts; datamodule=text_lines has images of lines",
        ),
        (
            ["datamodule=text_lines", "datamodule.augmentation.blur=2"],
            "datamodule.augmentation.blur=2: must be less than or equal to 1",
        ),
        (["freeze=head"], "freeze=head: must be 'none', 'all_but_head' or 'new_rows'"),
    ],
)
def test_what_makes_no_sense_is_a_sentence(overrides: list[str], message: str) -> None:
    with pytest.raises(BadInput) as caught:
        check(compose(*overrides))
    assert str(caught.value) == message


def test_a_single_letter_is_answered_and_what_is_no_single_line_is_a_sentence(run_folder: Path, tmp_path: Path) -> None:
    line = written()
    page = np.concatenate([line, np.full((12, line.shape[1]), 255, np.uint8)] * 4)
    for name, grey in (("letter", line[:, :20]), ("column", np.ascontiguousarray(line.T)), ("page", page)):
        (tmp_path / f"{name}.png").write_bytes(encoded(grey))
    done = run("predict.py", run_folder, *(tmp_path / f"{name}.png" for name in ("letter", "column", "page")), status=1)
    assert [row.split("\t")[0] for row in done.stdout.splitlines()] == [str(tmp_path / "letter.png")]
    assert "much taller than wide; this reads single lines" in done.stderr
    assert "looks like 4 lines of text" in done.stderr


def test_settings_of_a_finished_run(run_folder: Path, lines: Path, tmp_path: Path) -> None:
    wide = tmp_path / "wide.png"
    wide.write_bytes(encoded(np.tile(written(), (1, 300))[:, :6000]))
    done = run("predict.py", run_folder, wide, status=1)
    assert "4,800 pixels wide at height 32; at most datamodule.max_width=4,000 are accepted" in done.stderr
    run("predict.py", run_folder, wide, "datamodule.max_width=4800")
    done = run("predict.py", run_folder, wide, "datamodule.height=48", status=2)
    assert done.stderr.startswith("datamodule.height=48: datamodule.height is a property of the trained network")
    done = run("evaluate.py", run_folder, "--split", "train", "datamodule.height=48", status=2)
    assert done.stderr == "datamodule.height=48: a property of the run's network, which has 32\n"


def test_predict_writes_the_formats_of_the_field(run_folder: Path, lines: Path, tmp_path: Path) -> None:
    images = [lines / "a_000.png", lines / "b_001.png"]
    truths = [path.with_suffix(".gt.txt").read_text().strip() for path in images]
    root = ElementTree.fromstring(run("predict.py", run_folder, *images, "--format", "alto").stdout.encode())
    space = {"a": "http://www.loc.gov/standards/alto/ns-v4#"}
    found = [
        " ".join(s.get("CONTENT") for s in p.findall(".//a:String", space)) for p in root.findall(".//a:Page", space)
    ]
    assert found == truths
    root = ElementTree.fromstring(run("predict.py", run_folder, *images, "--format", "hocr").stdout.encode())
    overrides = [element.text for element in root.iter() if element.get("class") == "ocrx_word"]
    assert overrides == " ".join(truths).split()
    done = run("predict.py", run_folder, *images, "--format", "page", status=2)
    assert "--format page: 2 pages, and PAGE XML holds one; --output FOLDER writes a file each" in done.stderr
    run("predict.py", run_folder, *images, "--format", "page", "--output", tmp_path)
    for image, truth in zip(images, truths):
        shutil.copy(image, tmp_path)
        page = next(parse_page_file(tmp_path / f"{image.stem}.xml"))
        assert [line.text for line in page.lines] == [truth]
        width, height = page.size
        points = [*page.lines[0].outline, *page.lines[0].baseline]
        assert all(0 <= x < width and 0 <= y < height for x, y in points), "kraken refuses points outside the image"
    done = run("predict.py", run_folder, tmp_path / "a_000.xml", "--json")
    assert json.loads(done.stdout)["text"] == truths[0], "what was written is read again, with its image beside it"
    root = ElementTree.fromstring(run("predict.py", run_folder, tmp_path / "a_000.xml", "--format", "alto").stdout)
    line = next(page.lines[0] for page in parse_page_file(tmp_path / "a_000.xml"))
    baseline = " ".join(f"{x:.0f} {y:.0f}" for x, y in line.baseline)
    assert root.find(".//a:TextLine", space).get("BASELINE") == baseline, "ALTO keeps the baseline of PAGE XML"
