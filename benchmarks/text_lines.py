"""Lines of text: error rates beside Tesseract and RapidOCR where they are installed, and lines a second.

    python benchmarks/text_lines.py                             # everything, about 2 hours on 2 cores
    python benchmarks/text_lines.py --part speed --run RUN      # accuracy, extend, speed or beam

The sets are read from --data, SEQUENCE_DATA/text_lines, ../shared/data/text_lines or data/text_lines.  Every way reads
the same lines of the test split, which no run of this project was trained on; error rates are pooled over its
characters.  The lines of old_books were chosen with Tesseract's help (see the set's notes), which flatters it there.
RapidOCR brings models of Chinese and English alone.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.recording import record, show
from benchmarks.trained import data_folder, run_of
from datamodules.line_images.normalization import normalized_text
from lightning_modules.tasks.edit_distance import edits
from lightning_modules.training.instantiate import build
from scripts.compare.intervals import mean_interval
from scripts.console import errors, logs
from scripts.console.parser import Parser
from scripts.runs.folder import RunFolder

#: Set -> how its reader is trained, and Tesseract's models for it.
SETS: dict[str, tuple[tuple[str, ...], str]] = {
    "old_books": (("experiment=text_lines_cpu", "init_from=starter", "trainer.max_epochs=2"), "eng"),
    "fraktur": (("experiment=text_lines_fraktur_cpu", "init_from=starter", "trainer.max_epochs=10"), "Fraktur"),
    "greek": (("experiment=text_lines_greek_cpu", "init_from=starter"), "grc+eng"),
}
SPEED_LINES = 200


def accuracy(data: Path, options: Any) -> list[dict[str, Any]]:
    """CER of the test split of each set; the language model is fitted to the training texts of the run."""
    rows = []
    for name, (words, languages) in SETS.items():
        run = run_for(name, data, options)
        minutes = run.metrics()["fit_seconds"] / 60
        for way, cer in test_cers(run, data / name).items():
            keep_result(rows, {"set": name, "way": " ".join(words) + way, "cer": cer, "minutes": minutes})
        files, truths = split_of(run, data / name, "test")
        for way, read in peers(languages, options.threads).items():
            wrong = sum(edits(truth, normalized_text(text)[0]) for truth, text in zip(truths, read(files)))
            keep_result(rows, {"set": name, "way": way, "cer": wrong / sum(map(len, truths)), "minutes": None})
    return rows


def extend(data: Path, options: Any) -> list[dict[str, Any]]:
    """The starter goes on with 300 lines of fraktur, against the same lines from scratch."""
    rows = []
    for way, overrides in {"from scratch": [], "from the starter": ["init_from=starter"]}.items():
        rates = []
        for seed in range(1, options.seeds + 1):
            fraktur = [f"datamodule.data_dir={data / 'fraktur'}", f"seed={seed}"]
            with tempfile.TemporaryDirectory() as runs:
                run = run_of(["experiment=text_lines_extend", *fraktur, *overrides], runs, shown=True)
                keep_result(rates, run.metrics()["test/cer"])
        row = {"way": way, "lines": 300, "seeds": len(rates), "cer": statistics.mean(rates)}
        rows.append({**row, "ci95": mean_interval(rates)})
    return rows


def speed(data: Path, options: Any) -> list[dict[str, Any]]:
    """Lines a second from image files to texts, every way on one thread and on --threads, in turn, medians of 3."""
    import lightning_modules

    lightning_modules.INFERENCE_ONLY = True
    from scripts.predict.line_inputs import line_sources
    from scripts.predict.transcription import results
    from scripts.runs.loading import load_module

    module = load_module(run_for("old_books", data, options))
    files = sorted(map(str, (data / "old_books").glob("[cf]*.png")))[:: max(1, 1820 // SPEED_LINES)][:SPEED_LINES]
    rows = []
    for threads in sorted({1, options.threads}):
        torch.set_num_threads(threads)
        ways = {
            "crnn small, batches": lambda files: list(results(module, line_sources(files), places=False)),
            **peers("eng", threads),
        }
        rows += [{"way": way, "threads": threads, **rates} for way, rates in measured(ways, files).items()]
    return rows


def measured(ways: dict[str, Callable], files: list[str]) -> dict[str, dict[str, float]]:
    """Lines a second of each way, by the clock and by the processor's time."""
    rates: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    for _ in range(3):
        for way, read in ways.items():
            start, busy = time.perf_counter(), cpu_seconds()
            read(files)
            rates[way].append((len(files) / (time.perf_counter() - start), len(files) / (cpu_seconds() - busy)))
    names = ("lines_per_second", "lines_per_cpu_second")
    return {way: dict(zip(names, map(statistics.median, zip(*numbers)))) for way, numbers in rates.items()}


def keep_result(results: list, result: Any) -> None:
    """Keep a result, and print it at once, as a benchmark is long."""
    results.append(result)
    print(json.dumps(result, ensure_ascii=False), file=sys.stderr, flush=True)


def cpu_seconds() -> float:
    """Of this process and those that it has waited for: what other work on the machine does not change."""
    this, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return this.ru_utime + this.ru_stime + children.ru_utime + children.ru_stime


def beam(data: Path, options: Any) -> list[dict[str, Any]]:
    """Lines a second of prefix beam search alone: 100 steps, 100 characters, one process."""
    from lightning_modules.tasks.transcription.beam_search import beam_search

    rng = np.random.default_rng(0)
    scores = rng.normal(size=(100, 64, 100)) * 3
    log_probs = scores - np.log(np.exp(scores).sum(axis=2, keepdims=True))
    rows = []
    for width in (1, 10, 50):
        rates = []
        for _ in range(3):
            start = time.perf_counter()
            beam_search(log_probs, np.full(64, 100), width)
            rates.append(64 / (time.perf_counter() - start))
        rows.append({"beam_width": width, "steps": 100, "lines_per_second": statistics.median(rates)})
    return rows


def run_for(name: str, data: Path, options: Any) -> RunFolder:
    """A run on a set: one of those given, or one trained now, once."""
    for path in options.run:
        run = RunFolder.existing(path)
        config = run.config()
        if Path(config["datamodule"]["data_dir"]).name == name and config["datamodule"]["max_train_lines"] is None:
            return run
    overrides = [*SETS[name][0], f"datamodule.data_dir={data / name}", "name=benchmark"]
    run = run_of(overrides, tempfile.mkdtemp(), shown=True)
    options.run.append(str(run.path))
    return run


def test_cers(run: RunFolder, folder: Path) -> dict[str, float]:
    """CER of a run's test split, decoded by best path and by beam search with a language model."""
    from scripts.runs.evaluate_run import evaluate

    config = run.config()
    config["datamodule"]["data_dir"] = str(folder)
    beam_search = {"_target_": "lightning_modules.tasks.transcription.decoding.Decoding", "method": "beam_search"}
    with tempfile.TemporaryDirectory() as place:
        texts = Path(place, "texts.txt")
        texts.write_text("\n".join(split_of(run, folder, "train")[1]) + "\n", encoding="utf-8")
        guided = {**config, "decoding": {**beam_search, "language_model": str(texts)}}
        ways = {"": config, ", beam search with a language model": guided}
        return {way: evaluate(run, settings, "test").metrics["test/cer"] for way, settings in ways.items()}


def split_of(run: RunFolder, folder: Path, split: str) -> tuple[list[str], list[str]]:
    """Image files and truths of a split of a run's data."""
    datamodule = build({**run.config()["datamodule"], "data_dir": str(folder), "rendered_lines": 0})
    datamodule.setup()
    places = datamodule.indices[split].tolist()
    names, texts = datamodule.collection.ids, datamodule.collection.texts
    return [str(folder / names[i]) for i in places], [texts[i] for i in places]


def peers(languages: str, threads: int = 1) -> dict[str, Callable[[list[str]], list[str]]]:
    """Other readers that are installed here: image files -> texts."""
    programs: dict[str, Callable[[list[str]], list[str]]] = {}
    if shutil.which("tesseract"):
        languages_installed = subprocess.run(
            ["tesseract", "--list-langs"], capture_output=True, text=True
        ).stdout.split()
        if set(languages.split("+")) <= set(languages_installed):
            programs[f"Tesseract, {languages}"] = lambda files: tesseract(files, languages, threads)
    try:
        import rapidocr
    except ImportError:
        return programs
    programs["RapidOCR"] = lambda files: rapid(rapidocr, files, threads)
    return programs


def tesseract(files: list[str], languages: str, threads: int) -> list[str]:
    """One process reads every file as a single line of text."""
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder, "files.txt")
        listed.write_text("\n".join(files) + "\n")
        command = ["tesseract", str(listed), str(Path(folder, "out")), "-l", languages, "--psm", "7"]
        environment = {**os.environ, "OMP_THREAD_LIMIT": str(threads)}
        subprocess.run(command, capture_output=True, check=True, env=environment)
        pages = Path(folder, "out.txt").read_text(encoding="utf-8").split("\f")
    return [" ".join(page.split()) for page in pages[: len(files)]]


def rapid(rapidocr: Any, files: list[str], threads: int) -> list[str]:
    """Its recogniser alone, with its bundled models."""
    settings = {"EngineConfig.onnxruntime.intra_op_num_threads": threads}
    engine = rapidocr.RapidOCR(params=settings)
    results = (engine(file, use_det=False, use_cls=False, use_rec=True) for file in files)
    return [" ".join(result.txts or ()) for result in results]


def main() -> None:
    parts = {"accuracy": accuracy, "extend": extend, "speed": speed, "beam": beam}
    parser = Parser(prog="text_lines.py", description=__doc__)
    parser.add_argument("--part", choices=[*parts], help="one of them (all)")
    parser.add_argument("--data", metavar="FOLDER", help="of old_books, fraktur and greek")
    parser.add_argument("--run", action="append", default=[], help="a finished run on one of them, to train none")
    parser.add_argument("--seeds", type=int, default=3, help="of each row of extend (3)")
    parser.add_argument("--threads", type=int, default=2, help="of each way; in speed, besides one (2)")
    options = parser.parse_args()
    logs.quiet_lightning()
    for name in [options.part] if options.part else parts:
        needed = name != "beam"
        data = data_folder(options.data, "text_lines", "--data FOLDER names it") if needed else Path()
        rows = parts[name](data, options)
        show(rows, name)
        print(record(f"text_lines_{name}", rows))


if __name__ == "__main__":
    errors.run(main)
