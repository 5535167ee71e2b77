"""Files of strangers by the thousand: a coverage-guided search for bytes that end in neither a result nor a sentence.

    pip install atheris                                        # once; the tests do without
    python -m tests.fuzzing energy_csv --seconds 600 --keep found/
    python -m tests.fuzzing                                    # the targets

Each fault is kept once, by the place that raised: the bytes, and beside them the traceback.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import io
import json
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
CHECKPOINTS = sorted((PROJECT / "tests/checkpoints").glob("*/*.ckpt"))


@dataclass(frozen=True)
class Target:
    """One kind of file: who reads it, and files of that kind to begin with."""

    read: Callable[[bytes, Path], Any]  # the bytes, and an empty folder for them; the result, or BadInput
    examples: Callable[[], list[bytes]]


def _set_up(kind: str, **settings: Any) -> Any:
    """A data module over what was written, as a run would have it."""
    module, _, name = kind.rpartition(".")
    datamodule = getattr(importlib.import_module(f"datamodules.{module}"), name)(**settings)
    datamodule.setup()
    return datamodule


def _names_folder(content: bytes, folder: Path) -> Any:
    (folder / "Known.txt").write_text("Anna\nBernd\nClara\nDora\n")
    (folder / "Other.txt").write_bytes(content)
    return _set_up("names.Names", data_dir=str(folder), val_fraction=0.2, test_fraction=0.2)


def _file(name: str, read: Callable[[Path], Any]) -> Callable[[bytes, Path], Any]:
    """The bytes as a file of that name, which is read."""

    def written(content: bytes, folder: Path) -> Any:
        path = folder / name
        path.write_bytes(content)
        return read(path)

    return written


def _names_table(path: Path) -> Any:
    return _set_up("names.Names", data_dir=str(path), val_fraction=0.2, test_fraction=0.2)


def _energy(path: Path) -> Any:
    return _set_up("energy.Energy", data_dir=str(path), lookback=3, horizon=2)


def _pairs(path: Path) -> Any:
    return _set_up("text_pairs.TextPairs", data_dir=str(path), source_column="1", target_column="2")


def _plain_text(path: Path) -> Any:
    return _set_up("plain_text.PlainText", data_dir=str(path), length=8, batch_size=2)


def _collected(path: Path) -> Any:
    from datamodules.line_images.collection import ImageSettings, read_collection

    return read_collection(path, ImageSettings(height=16, max_width=500))


def _text_beside_image(content: bytes, folder: Path) -> Any:
    (folder / "a.png").write_bytes(_examples_of_pictures()[0])
    (folder / "a.gt.txt").write_bytes(content)
    return _collected(folder)


def _database(content: bytes, folder: Path) -> Any:
    """The values of a database; the file itself is the business of LMDB, which trusts what it maps."""
    import lmdb

    stated, *values = content.split(b"|")
    with lmdb.open(str(folder / "lines.lmdb")) as database, database.begin(write=True) as transaction:
        transaction.put(b"num-samples", stated or b"-")
        for number, value in enumerate(values):
            kind = b"label" if number % 2 else b"image"
            transaction.put(b"%s-%09d" % (kind, 1 + number // 2), value)
    return _collected(folder / "lines.lmdb")


def _picture(content: bytes, folder: Path) -> Any:
    from datamodules.line_images.images import line_image

    return line_image(content, 32, 2000)


def _checkpoint(path: Path) -> Any:
    from lightning_modules.training import checkpoint_io

    return checkpoint_io.load(path)


def _run_of_a_stranger(content: bytes, folder: Path) -> Any:
    """A checkpoint that is whole, of which settings and spec are anything that JSON can say."""
    import torch

    from lightning_modules.training import checkpoint_io
    from scripts.runs.folder import RunFolder
    from scripts.runs.loading import load_module

    try:
        task, told = content.split(b"\n", 1)
        state = checkpoint_io.load(CHECKPOINTS[int(task) % len(CHECKPOINTS)])
        state |= {key: json.loads(told)[key] for key in ("config", "spec")}
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    run = RunFolder(folder)
    run.checkpoints.mkdir()
    torch.save(state, run.checkpoints / "best.ckpt")
    return load_module(run)


def _told_settings() -> list[bytes]:
    from lightning_modules.training import checkpoint_io

    found = []
    for number, path in enumerate(CHECKPOINTS):
        state = checkpoint_io.load(path)
        told = {"config": {k: state["config"][k] for k in ("task", "module")}, "spec": state["spec"]}
        found.append(f"{number}\n{json.dumps(told)}".encode())
    return found


def _settings(path: Path) -> Any:
    from scripts.runs.folder import RunFolder

    return RunFolder(path.parent).config()


def _weights(path: Path) -> Any:
    from scripts.export.safetensors import weights_of

    return weights_of(path)


def _results(content: bytes, folder: Path) -> Any:
    """What compare.py reads of a run, its files one after the other here, and what it shows of them."""
    from rich.console import Console

    from scripts.compare import output
    from scripts.compare.leaderboard import compare
    from scripts.compare.report.page import write_report
    from scripts.compare.runs import read_runs

    parts = content.split(b"\n---\n")
    names = ("config.yaml", "metrics.json", "environment.json", "status.json")
    for name, part in zip(names, parts):
        (folder / name).write_bytes(part)
    comparison = compare(read_runs([str(folder)]))
    output.show(comparison, Console(file=io.StringIO()))
    output.as_csv(comparison)
    write_report(comparison, folder / "report.html")


def _sweep_manifest(path: Path) -> Any:
    from scripts.sweeps.manifest import Manifest

    Manifest(path.parent, {"seed": "1,2"}, []).read("first")


@functools.cache
def _examples_of_pictures() -> list[bytes]:
    from tests.datamodules.line_images.pictures import encoded, written

    line = written(height=16)
    return [encoded(line), encoded(line, "JPEG"), encoded(line, "TIFF"), encoded(line, "WebP"), encoded(line, "GIF")]


def _parquet(table: str) -> list[bytes]:
    import polars

    file = io.BytesIO()
    polars.read_csv(table.encode()).write_parquet(file)
    return [file.getvalue()]


def _some_weights() -> list[bytes]:
    import torch
    from safetensors.torch import save

    return [save({"w": torch.zeros(2, 2), "b": torch.ones(3, dtype=torch.int64)})]


LOAD = "Datetime,A_MW\n" + "".join(f"2018-01-{1 + h // 24:02d} {h % 24:02d}:00:00,{10 + h % 7}\n" for h in range(48))
NAMES = "text,label\nAnna,A\nBernd,B\nClara,A\nDora,B\nErna,A\nFritz,B\nGerda,A\nHans,B\n"
PAIRS = b"".join(b"ab%d\tba%d\n" % (i, i) for i in range(12))
RESULTS = (
    b"task: {_target_: lightning_modules.tasks.classification.task.Classification}\n"
    b"module: {_target_: x.GRU}\nseed: 1\n"
    b'\n---\n{"test/accuracy": 0.5, "params": 10}\n---\n{"fingerprint": "ab", "overrides": []}'
    b'\n---\n{"state": "finished"}'
)
SWEEP = (
    b'{"format": 1, "command": [], "space": {"seed": "1,2"}, "jobs": [{"number": 0, "words": ["seed=1"],'
    b' "folder": "seed=1", "state": "finished", "seconds": 1.5}]}'
)

TARGETS = {
    "names_folder": Target(
        _names_folder, lambda: ["Zoë\nO'Neal\n\nÅsa\n".encode(), b"\xff\xfe", "a\u0301\r\nb".encode()]
    ),
    "names_csv": Target(_file("names.csv", _names_table), lambda: [NAMES.encode(), b'text,label\n"a,b",A\n"c""d",B\n']),
    "names_tsv": Target(_file("names.tsv", _names_table), lambda: [NAMES.replace(",", "\t").encode()]),
    "names_parquet": Target(_file("names.parquet", _names_table), lambda: _parquet(NAMES)),
    "energy_csv": Target(
        _file("A_hourly.csv", _energy), lambda: [LOAD.encode(), b"date;x\n2018-01-01T00:00;1,5\n", LOAD.encode()[:80]]
    ),
    "energy_parquet": Target(_file("A_hourly.parquet", _energy), lambda: _parquet(LOAD)),
    "pairs": Target(_file("pairs.tsv", _pairs), lambda: [PAIRS, b"source\ttarget\n" + PAIRS]),
    "plain_text": Target(
        _file("book.txt", _plain_text), lambda: [b"the quick brown fox jumps\n" * 9, "ſchön é́\n".encode() * 9]
    ),
    "manifest_tsv": Target(_file("lines.tsv", _collected), lambda: [b"path\ttext\na.png\tline\n../b.png\tx\n"]),
    "manifest_csv": Target(_file("lines.csv", _collected), lambda: [b'path,text\na.png,"a, b"\n/etc/passwd,x\n']),
    "text_beside_image": Target(_text_beside_image, lambda: ["ſchön\n".encode(), b"a\nb", b""]),
    "database": Target(_database, lambda: [b"2|png|one|png|two", b"1|x", b"99999999999|a|b"]),
    "picture": Target(_picture, _examples_of_pictures),
    "checkpoint": Target(_file("best.ckpt", _checkpoint), lambda: [path.read_bytes() for path in CHECKPOINTS[:1]]),
    "run_of_a_stranger": Target(_run_of_a_stranger, _told_settings),
    "settings": Target(
        _file("config.yaml", _settings), lambda: [b"task: {_target_: x.Y}\nmodule: {_target_: z}\n", b"a: &a 1\nb: *a"]
    ),
    "weights": Target(_file("model.safetensors", _weights), _some_weights),
    "results": Target(_results, lambda: [RESULTS]),
    "sweep_manifest": Target(_file("sweep.json", _sweep_manifest), lambda: [SWEEP]),
}


def try_out(target: Target, content: bytes) -> BaseException | None:
    """What reading raises that is no sentence."""
    from datamodules.errors import BadInput

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            target.read(content, Path(folder))
        except BadInput as error:
            return None if str(error) else error
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # polars panics with one
            return error
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--keep", type=Path, default=Path("found"), metavar="FOLDER", help="of faults (found)")
    options = parser.parse_args()
    options.keep.mkdir(parents=True, exist_ok=True)
    import atheris

    target = TARGETS[options.target]
    with atheris.instrument_imports(include=["datamodules", "lightning_modules", "scripts"]):
        for example in target.examples():
            try_out(target, example)  # imports what reads
    known: set[str] = set()

    def once(content: bytes) -> None:
        error = try_out(target, content)
        if error is None:
            return
        frames = [f for f in traceback.extract_tb(error.__traceback__) if str(PROJECT) in f.filename]
        place = f"{type(error).__name__} {Path(frames[-1].filename).name} {frames[-1].lineno}".replace(" ", "-")
        if place not in known:
            known.add(place)
            (options.keep / f"{options.target}-{place}").write_bytes(content)
            told = "".join(traceback.format_exception(error))
            (options.keep / f"{options.target}-{place}.txt").write_text(told)
            print(f"found: {place}: {error}", flush=True)

    with tempfile.TemporaryDirectory() as corpus:
        for number, example in enumerate(target.examples()):
            Path(corpus, str(number)).write_bytes(example)
        limits = [f"-max_total_time={options.seconds}", "-timeout=30", "-rss_limit_mb=6000", "-max_len=65536"]
        atheris.Setup([sys.argv[0], corpus, *limits, f"-artifact_prefix={options.keep}/hang-"], once)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
