"""Any bytes where a file is expected: a correct result or a sentence, never another error."""

from __future__ import annotations

import json
import random
import struct
import time
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datamodules.errors import BadInput
from datamodules.files.nesting import check_size
from datamodules.line_images.formats import read_lines, write_lines
from lightning_modules.training import checkpoint_io
from scripts.runs.folder import RunFolder
from scripts.runs.loading import load_module
from scripts.sweeps.manifest import Manifest
from tests.datamodules.line_images.pictures import encoded, records, written
from tests.fuzzing import CHECKPOINTS, TARGETS, try_out

fast = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
text = st.text('ab.png/\\\t,"\n\r\0é¹', max_size=60)


def read(path: Path) -> None:
    try:
        found = read_lines(path)
    except BadInput as error:
        assert str(error)
        return
    assert all(record.text.strip() and "\n" not in record.text for record in found.records)


@fast
@given(content=text, suffix=st.sampled_from([".tsv", ".csv"]), raw=st.binary(max_size=20))
def test_manifests(tmp_path: Path, content: str, suffix: str, raw: bytes) -> None:
    path = tmp_path / f"lines{suffix}"
    path.write_bytes(("path\ttext\n" if suffix == ".tsv" else "path,text\n").encode() + content.encode() + raw)
    read(path)


@fast
@given(content=st.binary(max_size=60), name=st.sampled_from(["a", "é", "a.b"]))
def test_texts_beside_images(tmp_path: Path, content: bytes, name: str) -> None:
    (tmp_path / f"{name}.png").write_bytes(encoded(written()))
    (tmp_path / f"{name}.gt.txt").write_bytes(content)
    read(tmp_path)


@fast
@given(
    stated=st.one_of(st.integers(-3, 9).map(str), st.sampled_from(["", "9" * 30, "1e3", "²"])).map(str.encode),
    values=st.lists(st.tuples(st.integers(0, 3), st.binary(min_size=1, max_size=8)), max_size=5),
)
def test_databases(tmp_path_factory: pytest.TempPathFactory, stated: bytes, values: list[tuple[int, bytes]]) -> None:
    lmdb = pytest.importorskip("lmdb", reason="lmdb is not installed")
    folder = tmp_path_factory.mktemp("lmdb") / "lines.lmdb"
    with lmdb.open(str(folder)) as database, database.begin(write=True) as transaction:
        transaction.put(b"num-samples", stated or b"-")
        for number, value in values:
            transaction.put(b"label-%09d" % number, value)
            transaction.put(b"image-%09d" % number, value)
    read(folder)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_torn_database_is_refused_before_it_is_read(tmp_path: Path, share: float) -> None:
    pytest.importorskip("lmdb", reason="lmdb is not installed")
    write_lines(records(tuple(f"line {i}" for i in range(40))), tmp_path / "lines.lmdb")
    data = tmp_path / "lines.lmdb" / "data.mdb"
    whole = data.read_bytes()
    data.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(BadInput, match="not an LMDB that can be read"):
        read_lines(tmp_path / "lines.lmdb")


STATE = {"state_dict": {"w": torch.arange(300.0)}, "config": {"a": [1, 2]}, "spec": {"kind": "x"}}


@fast
@given(seed=st.integers(0, 10_000), cut=st.booleans())
def test_checkpoints(tmp_path: Path, seed: int, cut: bool) -> None:
    path = tmp_path / "best.ckpt"
    checkpoint_io.save(STATE, path)
    content, chance = bytearray(path.read_bytes()), random.Random(seed)
    for _ in range(chance.randint(1, 8)):
        content[chance.randrange(len(content))] = chance.randrange(256)
    path.write_bytes(content[: chance.randrange(len(content))] if cut else content)
    try:
        assert isinstance(checkpoint_io.load(path)["config"], dict)
    except BadInput as error:
        assert str(error).startswith(str(path))


@pytest.mark.parametrize("name", TARGETS)
def test_what_the_fuzzer_begins_with_and_files_near_it(name: str) -> None:
    chance = random.Random(name)
    for example in TARGETS[name].examples():
        assert try_out(TARGETS[name], example) is None
        for _ in range(0 if name.endswith("parquet") else 10):  # at some of which polars ends the process
            content = bytearray(example)
            for _ in range(chance.randint(1, 4) if example else 0):
                content[chance.randrange(len(content))] = chance.randrange(256)
            assert try_out(TARGETS[name], bytes(content)) is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"config": {"task": {}, "module": {}}}, "Attr|Key|Type"),
        ({"config": {}}, "KeyError: 'task'"),
        ({"state_dict": {}}, "Missing key"),
    ],
)
def test_settings_and_weights_that_make_no_network(change: dict, reason: str, tmp_path: Path) -> None:
    state = checkpoint_io.load(CHECKPOINTS[0])
    run = RunFolder(tmp_path)
    run.checkpoints.mkdir()
    torch.save({**state, **change}, run.checkpoints / "best.ckpt")
    with pytest.raises(BadInput, match=rf"best\.ckpt: .* makes no network \(.*{reason}"):
        load_module(run)


def test_data_that_no_task_knows(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.checkpoints.mkdir()
    torch.save({**checkpoint_io.load(CHECKPOINTS[0]), "spec": {"kind": "nothing"}}, run.checkpoints / "best.ckpt")
    with pytest.raises(BadInput, match="the data of the run is nothing; its task takes labelled_text"):
        load_module(run)


def test_a_few_bytes_that_would_take_for_ever_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_size, "__defaults__", (500_000,))  # a tenth of the limit: counting takes seconds
    bomb: list = ["x"]
    for _ in range(60):
        bomb = [bomb] * 10
    torch.save({**STATE, "format": 1, "config": {"bomb": bomb}}, tmp_path / "best.ckpt")
    layers = "\n".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 30))
    (tmp_path / "config.yaml").write_text(f"a0: &a0 [x]\n{layers}\ntask: {{_target_: x}}\nmodule: {{_target_: y}}\n")
    started = time.monotonic()
    with pytest.raises(BadInput, match=r"best\.ckpt: more than 500,000 settings in it"):
        checkpoint_io.load(tmp_path / "best.ckpt")
    with pytest.raises(BadInput, match=r"config\.yaml: more than 500,000 settings in it"):
        RunFolder(tmp_path).config()
    assert time.monotonic() - started < 60


@pytest.mark.parametrize(
    "content",
    ["", "[1, 2]", "task: 3", "a: [", "\0", "!!python/object/apply:os.system ['touch executed']", "[" * 5000],
)
def test_a_config_is_read_as_plain_settings_or_refused(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text(content)
    with pytest.raises(BadInput, match=r"config\.yaml: not "):
        RunFolder(tmp_path).config()
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    "header",
    [
        struct.pack("<Q", 1 << 60),  # its header alone would be an exabyte
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 62) + b'{"w":{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4]}}',
        b"",
    ],
)
def test_a_malicious_safetensors_header_is_a_sentence(header: bytes, tmp_path: Path, names_folder: Path) -> None:
    pytest.importorskip("safetensors", reason="safetensors comes with the extra `export`")
    from scripts.export import classification
    from scripts.export.folder import export
    from scripts.export.safetensors import load
    from tests.scripts.export.test_export import untrained

    export(untrained("rnn", names_folder), classification, "safetensors", tmp_path, None, "untrained")
    (tmp_path / "model.safetensors").write_bytes(header)
    with pytest.raises(BadInput, match=r"model\.safetensors: not weights that can be read"):
        load(tmp_path)
    settings_file = tmp_path / "settings.json"
    told = json.loads(settings_file.read_text())
    settings_file.write_text(json.dumps({**told, "module": {"_target_": "os.system", "command": "touch executed"}}))
    with pytest.raises(BadInput, match=r"settings\.json: module: it names os\.system, which is not of this project"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"jobs": []}', "not a manifest of a sweep \\(format: Field required"),
        ('{"format": 1, "jobs": []}', "not a manifest of a sweep \\(space: Field required"),
        ('{"format": 1, "space": {}, "jobs": [{"number": 0, "words": [], "folder": 0.5}]}', "jobs.0.folder"),
        ('{"format": 1, "space": {}, "jobs": [{"number": 0, "words": [], "folder": "../a"}]}', "not a folder below"),
        ('{"format": 99}', "written by a later version"),
        ("[" * 100_000, "not a manifest"),
    ],
)
def test_a_manifest_of_a_sweep_is_one_or_refused(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "sweep.json").write_text(content)
    with pytest.raises(BadInput, match=rf"sweep\.json: .*{message}"):
        Manifest(tmp_path, {}).read("first")


@pytest.mark.parametrize("value", ['"0.5"', "[1]", "{}", "1" + "0" * 400])
def test_metrics_are_numbers(value: str, tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text(f'{{"test/accuracy": {value}}}')
    with pytest.raises(BadInput, match=r"metrics\.json: test/accuracy is .*a number is accepted"):
        RunFolder(tmp_path).metrics()
