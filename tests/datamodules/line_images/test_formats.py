"""Each form read and written, and what happens to broken ones."""

from __future__ import annotations

import csv
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datamodules.errors import BadInput
from datamodules.line_images.formats import WrittenFolder, read_lines, write_lines
from datamodules.line_images.page_writing import FORBIDDEN
from datamodules.line_images.records import LineRecord, LineRecords, ReaderSettings
from datamodules.text_lines import TextLines
from tests.datamodules.line_images.pictures import encoded, records, written

FORMS = ("folder", "lines.tsv", "lines.csv", "lines.parquet", "lines.lmdb", "page", "alto")


def write_form(lines: list[LineRecord], target: Path, left_out: dict[str, str] | None = None) -> int:
    """Write lines in the form that the target is called by."""
    return write_lines(lines, target, left_out, target.name if target.name in ("page", "alto") else None)


@pytest.mark.parametrize("form", FORMS)
def test_what_is_written_is_read_again(form: str, tmp_path: Path) -> None:
    before = records()
    assert write_form(before, tmp_path / "out" / form) == len(before)
    after = read_lines(tmp_path / "out" / form)
    assert [record.text for record in after.records] == [record.text for record in before]
    assert [record.read() for record in after.records] == [record.read() for record in before]
    assert not after.left_out


@pytest.mark.parametrize("second", FORMS)
@pytest.mark.parametrize("first", FORMS)
def test_every_form_becomes_every_other(first: str, second: str, tmp_path: Path) -> None:
    write_form(records(), tmp_path / "a" / first)
    write_form(read_lines(tmp_path / "a" / first).records, tmp_path / "b" / second)
    texts = [record.text for record in read_lines(tmp_path / "b" / second).records]
    assert sorted(texts) == sorted(record.text for record in records())


def test_a_folder_tells_what_has_no_partner(tmp_path: Path) -> None:
    write_lines(records()[:2], tmp_path)
    (tmp_path / "lonely.png").write_bytes(encoded(written()))
    (tmp_path / "silent.gt.txt").write_text("nothing to see\n")
    (tmp_path / "blank.png").write_bytes(encoded(written()))
    (tmp_path / "blank.gt.txt").write_text(" \n")
    (tmp_path / "x.bin.png").write_bytes(encoded(written()))
    (tmp_path / "x.gt.txt").write_text("one\n")
    read = read_lines(tmp_path)
    assert [record.id for record in read.records] == ["book0/page_00.png", "book0/page_02.png", "x.bin.png"]
    assert read.left_out == {
        "lonely.png": "no x.gt.txt beside it",
        "silent.gt.txt": "no image beside it",
        "blank.png": "no text",
    }


def test_rules_are_the_same_in_every_form(tmp_path: Path) -> None:
    """Two lines of text, no text, an image twice: named and left out, by folders, tables and databases alike."""
    lmdb = pytest.importorskip("lmdb")
    texts = {"a.png": "one\ntwo", "b.png": " ", "c.png": "three", "d.png": "four"}
    images = {name: encoded(written(number)) for number, name in enumerate(texts)}
    folder, forms = tmp_path / "folder", []
    folder.mkdir()
    for name, text in texts.items():
        (folder / name).write_bytes(images[name])
        (folder / name).with_suffix(".gt.txt").write_text(text)
    forms.append(read_lines(folder))
    with (folder / "lines.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "text"), *texts.items(), ("d.png", "four"), ("gone.png", "five")])
    forms.append(read_lines(folder / "lines.csv"))
    with lmdb.open(str(tmp_path / "x.lmdb")) as database, database.begin(write=True) as transaction:
        transaction.put(b"num-samples", b"4")
        for number, (name, text) in enumerate(texts.items(), 1):
            transaction.put(b"image-%09d" % number, images[name])
            transaction.put(b"label-%09d" % number, text.encode())
    forms.append(read_lines(tmp_path / "x.lmdb"))
    for read in forms:
        assert [record.text for record in read.records] == ["three", "four"]
        assert {"2 lines of text", "no text"} <= set(read.left_out.values())
    assert forms[1].left_out["gone.png"] == "no such image"
    assert [reason for name, reason in forms[1].left_out.items() if "line 7" in name] == [
        "the same image and text again"
    ]


def test_two_texts_for_one_image_leave_both_out(tmp_path: Path) -> None:
    write_lines(records()[:2], tmp_path)
    (tmp_path / "lines.tsv").write_text(
        "path\ttext\nbook0/page_00.png\tone\nbook0/page_00.png\ttwo\nbook0/page_02.png\tx\n"
    )
    read = read_lines(tmp_path / "lines.tsv")
    assert [record.text for record in read.records] == ["x"]
    assert read.left_out == {"book0/page_00.png": "several texts for one image"}


@pytest.mark.parametrize("path", ["../secret.png", "/etc/hostname", "a/../../secret.png", "link.png"])
@pytest.mark.parametrize("form", ["lines.tsv", "lines.csv", "lines.parquet"])
def test_a_path_never_leads_out_of_the_manifests_folder(path: str, form: str, tmp_path: Path) -> None:
    import polars

    folder = tmp_path / "data"
    (folder / "a").mkdir(parents=True)
    (tmp_path / "secret.png").write_bytes(encoded(written()))
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    table = polars.DataFrame({"path": [path], "text": ["x"]})
    if form.endswith("parquet"):
        table.write_parquet(folder / form)
    else:
        table.write_csv(folder / form, separator="\t" if form.endswith("tsv") else ",")
    with pytest.raises(BadInput) as caught:
        read_lines(folder / form)
    place = "row 1" if form.endswith("parquet") else "line 2"
    assert str(caught.value).startswith(f"{folder / form} {place}: '{path}' leads out of {folder}")


def test_broken_collections_are_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no such file or folder"):
        read_lines(tmp_path / "nowhere")
    with pytest.raises(BadInput, match=r"no image with its x\.gt\.txt in this folder"):
        read_lines(tmp_path)
    (tmp_path / "lines.tsv").write_text("where\ttext\na.png\tb\n")
    with pytest.raises(BadInput, match=r"lines\.tsv: no column 'path'; it has where, text"):
        read_lines(tmp_path / "lines.tsv")
    (tmp_path / "lines.tsv").write_text("path\ttext\n\tb\n")
    with pytest.raises(BadInput, match=r"lines\.tsv: no line in it \(lines\.tsv line 2: no image path\)"):
        read_lines(tmp_path / "lines.tsv")
    (tmp_path / "lines.txt").write_text("")
    with pytest.raises(BadInput, match=r"lines\.txt: no line in it; lines of a path and a text are accepted"):
        read_lines(tmp_path / "lines.txt")
    (tmp_path / "scan.pdf").write_text("")
    with pytest.raises(BadInput, match=r"not a folder of x\.png and x\.gt\.txt, a table of paths and texts"):
        read_lines(tmp_path / "scan.pdf")


def test_broken_databases_are_a_sentence(tmp_path: Path) -> None:
    lmdb = pytest.importorskip("lmdb")
    (tmp_path / "torn.lmdb").mkdir()
    (tmp_path / "torn.lmdb" / "data.mdb").write_bytes(b"\0" * 8192)
    with pytest.raises(BadInput, match="not an LMDB that can be read"):
        read_lines(tmp_path / "torn.lmdb")
    with lmdb.open(str(tmp_path / "other.lmdb")) as database, database.begin(write=True) as transaction:
        transaction.put(b"key", b"value")
    with pytest.raises(BadInput, match="no num-samples in it; the layout is"):
        read_lines(tmp_path / "other.lmdb")
    write_lines(records(), tmp_path / "short.lmdb")
    with lmdb.open(str(tmp_path / "short.lmdb")) as database, database.begin(write=True) as transaction:
        transaction.delete(b"image-000000002")
        transaction.put(b"num-samples", b"7")
    read = read_lines(tmp_path / "short.lmdb")
    assert read.left_out == {"image-000000002": "no image", "image-000000007": "no label"}


def test_nothing_is_written_over(tmp_path: Path) -> None:
    write_lines(records(), tmp_path / "lines.tsv")
    with pytest.raises(BadInput, match="there is something already"):
        write_lines(records(), tmp_path / "lines.tsv")


@pytest.mark.parametrize(
    ("name", "form", "message"),
    [
        ("out.csv", "page", r"out\.csv: a table by its name; --format page writes a folder"),
        ("out.lmdb", "alto", r"out\.lmdb: a database by its name; --format alto writes a folder"),
        ("out.TSV", "folder", r"out\.TSV: a table by its name; --format folder writes a folder"),
        ("out.xml", "page", r"out\.xml: \.csv, \.tsv, \.jsonl, \.parquet, \.lmdb or a folder is written"),
    ],
)
def test_names_that_contradict_a_form_are_a_sentence(name: str, form: WrittenFolder, message: str, tmp_path) -> None:
    with pytest.raises(BadInput, match=message):
        write_lines(records(), tmp_path / name, form=form)
    assert not list(tmp_path.iterdir())


def lines_with(tmp_path: Path, name: str, content: str, stored_as: str = "utf-8", **settings) -> LineRecords:
    """A table of that content beside the images 0.png to 3.png, read."""
    (tmp_path / "img").mkdir(exist_ok=True)
    for number in range(4):
        (tmp_path / f"{number}.png").write_bytes(encoded(written(number)))
        (tmp_path / "img" / f"{number}.png").write_bytes(encoded(written(number)))
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content.encode(stored_as))
    return read_lines(path, ReaderSettings(**settings))


@pytest.mark.parametrize(
    ("name", "content", "texts"),
    [
        ("gt.txt", '0.png\tone "x\n1.png\ttwo\n', ['one "x', "two"]),  # PaddleOCR, deep-text-recognition-benchmark
        ("x.csv", '0.png,"one, 1"\r\n1.png,two\r\n', ["one, 1", "two"]),
        ("x.csv", "path;text\n0.png;one\n1.png;two\n", ["one", "two"]),
        ("labels.csv", "filename,words\n0.png,one, 1\n1.png,two\n", ["one, 1", "two"]),  # EasyOCR
        ("gt.txt", '0.png, "one, 1"\n1.png, "tw""o"\n', ["one, 1", 'tw"o']),  # ICDAR
        ("labels.json", '{"0.png": "one", "1.png": "two"}', ["one", "two"]),  # docTR
        (
            "metadata.jsonl",
            '{"file_name": "0.png", "text": "one"}\n{"file_name": "1.png", "text": "two"}\n',
            ["one", "two"],
        ),
        ("metadata.csv", "file_name,text\n0.png,one\n1.png,two\n", ["one", "two"]),  # Hugging Face imagefolder
        ("x.tsv", 'path\ttext\n0.png\t"say ""no"""\n1.png\ttwo\n', ['say "no"', "two"]),  # pandas
        ("x.tsv", 'path\ttext\n0.png\t"one"\n1.png\ttwo\n', ['"one"', "two"]),
        ("x.tsv", "path\ttext\nimg\\0.png\tone\nimg\\1.png\ttwo\n", ["one", "two"]),  # Windows
        ("x.csv", "image,transcription\n0.png,one\n1.png,two\n", ["one", "two"]),
        ("labels.txt", "0.png one, 1\n1.png two\n", ["one, 1", "two"]),  # TextRecognitionDataGenerator
        (
            "textrecog.json",  # MMOCR 1
            '{"metainfo": {}, "data_list": [{"img_path": "0.png", "instances": [{"text": "one"}]},'
            ' {"img_path": "1.png", "instances": [{"text": "two"}]}]}',
            ["one", "two"],
        ),
    ],
)
def test_tables_of_other_programs(name: str, content: str, texts: list[str], tmp_path: Path) -> None:
    read = lines_with(tmp_path, name, content)
    assert [record.text for record in read.records] == texts
    assert not read.left_out
    assert read.records[0].read() == encoded(written(0))


def images_in(folder: Path, names: list[str]) -> None:
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(encoded(written(number)))


def test_symbols_separated_by_spaces_and_images_without_suffix(tmp_path: Path) -> None:
    """PyLaia's tables, one a split, with the images anywhere below."""
    images_in(tmp_path, [f"lines/page/l{i}.jpg" for i in range(4)])
    for name, numbers in {"tr.txt": (0, 1), "va.txt": (2,), "te.txt": (3, 9)}.items():
        (tmp_path / name).write_text("".join(f"l{i} a <space> {i} b .\n" for i in numbers))
    read = read_lines(tmp_path)
    assert [(r.id, r.text, r.split) for r in read.records] == [
        (f"lines/page/l{i}.jpg", f"a {i}b.", split) for i, split in enumerate(("train", "train", "val", "test"))
    ]
    assert read.left_out == {"l9": "no such image"}
    (tmp_path / "words.txt").write_text("l0 words of letters\n")
    with pytest.raises(BadInput, match=r"words\.txt line 1: no tab in it"):
        read_lines(tmp_path / "words.txt")


@pytest.mark.parametrize(
    ("tables", "in_table"),
    [
        (("rec_gt_train.txt", "rec_gt_test.txt"), "{folder}/{i}.png\tline {i}\n"),  # PaddleOCR
        (("train/metadata.csv", "test/metadata.csv"), "{i}.png,line {i}\n"),  # Hugging Face imagefolder
        (("train.jsonl", "test.jsonl"), '{{"image": "{folder}/{i}.png", "text": "line {i}"}}\n'),
    ],
)
def test_tables_called_by_their_split_are_official_splits(
    tables: tuple[str, str], in_table: str, tmp_path: Path
) -> None:
    folders = {"train": range(6), "test": range(6, 9)}
    images_in(tmp_path, [f"{folder}/{i}.png" for folder, numbers in folders.items() for i in numbers])
    for table, (folder, numbers) in zip(tables, folders.items()):
        header = "file_name,text\n" if table.endswith("csv") else ""
        rows = "".join(in_table.format(folder=folder, i=i) for i in numbers)
        (tmp_path / table).write_text(header + rows)
    data = TextLines(str(tmp_path), val_fraction=0.2)
    data.setup()
    assert {data.collection.ids[i] for i in data.indices["test"]} == {f"test/{i}.png" for i in folders["test"]}
    assert [len(data.indices[name]) for name in ("train", "val")] == [5, 1]
    assert any("official splits: " in line for line in data.report["lines"])
    drawn = TextLines(str(tmp_path), split_by="random", test_fraction=0.5)
    drawn.setup()
    assert len(drawn.indices["test"]) == 4, "another way to split is asked for"


@pytest.mark.parametrize("form", ["lines.tsv", "lines.csv", "lines.jsonl", "lines.parquet"])
def test_official_splits_are_written_and_read_again(form: str, tmp_path: Path) -> None:
    splits = ["train"] * 5 + ["test"]
    lines = [LineRecord(f"{i}.png", f"line {i}", partial(encoded, written(i)), "", s) for i, s in enumerate(splits)]
    write_lines(lines, tmp_path / form)
    data = TextLines(str(tmp_path / form), val_fraction=0.2)
    data.setup()
    assert [len(data.indices[name]) for name in ("train", "val", "test")] == [4, 1, 1]
    assert [data.collection.texts[i] for i in data.indices["test"]] == ["line 5"]
    assert any("official splits from column 'split'" in line for line in data.report["lines"])


def test_a_column_split_that_says_something_else_is_none(tmp_path: Path) -> None:
    read = lines_with(tmp_path, "x.csv", "path,text,split\n0.png,one,left\n1.png,two,right\n")
    assert [record.split for record in read.records] == [None, None]


def test_folders_called_by_a_split_are_official_splits(tmp_path: Path) -> None:
    names = [f"{folder}/{i}" for folder in ("train", "valid", "test") for i in range(3)]
    images_in(tmp_path, [f"{name}.png" for name in names])
    for name in names:
        (tmp_path / f"{name}.gt.txt").write_text(f"text of {name}\n")
    data = TextLines(str(tmp_path))
    data.setup()
    for split, folder in (("train", "train"), ("val", "valid"), ("test", "test")):
        assert [data.collection.ids[i] for i in data.indices[split]] == [f"{folder}/{i}.png" for i in range(3)]
    assert any("valid/ is val" in line for line in data.report["lines"])


def test_names_with_dots_are_lines_of_their_own(tmp_path: Path) -> None:
    """tesstrain's `eng.0.exp0.tif` and `eng.1.exp0.tif` are two lines, OCRopus' `5.bin.png` and `5.nrm.png` are one."""
    images_in(
        tmp_path, [f"eng.{i}.exp0.tif" for i in range(3)] + ["5.bin.png", "5.nrm.png", "p.7.bin.png", "p.7.nrm.png"]
    )
    for name in ("eng.0.exp0", "eng.1.exp0", "eng.2.exp0", "5", "p.7.bin", "p.7.nrm"):
        (tmp_path / f"{name}.gt.txt").write_text(f"text {name.removesuffix('.nrm').removesuffix('.bin')}\n")
    keys = {record.id: record.key for record in read_lines(tmp_path).records}
    assert len({keys[f"eng.{i}.exp0.tif"] for i in range(3)}) == 3
    assert keys["5.bin.png"] == keys["5.nrm.png"] == "5"
    assert keys["p.7.bin.png"] == keys["p.7.nrm.png"]


def test_what_was_found_out_about_a_table_is_said(tmp_path: Path) -> None:
    assert lines_with(tmp_path, "gt.txt", "0.png\tone\n").notes == [
        "gt.txt: no header line: path and text, by position"
    ]
    notes = lines_with(tmp_path, "x.tsv", "path\ttext\nimg\\0.png\tone\n").notes
    assert notes == ["x.tsv: \\ read as / in 1 paths"]
    notes = lines_with(tmp_path, "x.csv", "filename,text\n0.png,one\n").notes
    assert notes == ["x.csv: column 'filename' read as the path (datamodule.path_column)"]


def test_columns_encodings_and_roots_by_key(tmp_path: Path) -> None:
    content = "where,said\n0.png,café\n"
    read = lines_with(
        tmp_path, "x.csv", content, "latin-1", path_column="where", text_column="said", encoding="latin-1"
    )
    assert read.records[0].text == "café"
    with pytest.raises(BadInput, match=r"x\.csv line 2: byte 0xe9 is not utf-8; .*datamodule\.encoding=cp1252"):
        lines_with(tmp_path, "x.csv", content, "latin-1", path_column="where", text_column="said")
    assert lines_with(tmp_path, "u.csv", "path,text\n0.png,é\n", "utf-16").records[0].text == "é"
    up = "../img/0.png\tone\n"
    with pytest.raises(BadInput, match=r"leads out of .*; datamodule\.root=FOLDER accepts .* \(here datamodule\.root="):
        lines_with(tmp_path, "labels/x.tsv", up)
    assert lines_with(tmp_path, "labels/x.tsv", up, root=str(tmp_path)).records[0].id == "img/0.png"
    absolute = f"{tmp_path}/img/0.png\tone\nimg/1.png\ttwo\n"
    read = lines_with(tmp_path, "labels/x.tsv", absolute, root=str(tmp_path))
    assert [record.id for record in read.records] == ["img/0.png", "img/1.png"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.tsv", "path\ttext\n0.png\ta\tb\n", r"x\.tsv line 2: 3 cells where 2 are expected"),
        ("x.txt", "0 one\n", r"x\.txt line 1: no tab in it; a path and a text are accepted"),
        ("x.json", '{"0.png": {"polygons": []}}', r"x\.json entry 1 \(0\.png\): no text but dict"),
        ("x.json", "{", r"x\.json: not JSON"),
        ("x.jsonl", "[1]\n", r"x\.jsonl line 1: no object"),
        ("x.csv", "path,txt\n0.png,one\n", r"x\.csv: no column 'text' \(did you mean 'txt'\?\); it has path, txt"),
        ("x.tsv", "path\ttext\n0.PNG\tone\n", r"no line in it \(0\.PNG: no such image \(there is 0\.png\)\)"),
    ],
)
def test_tables_that_cannot_be_used(name: str, content: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=message):
        lines_with(tmp_path, name, content)


def test_parquet_with_the_images_in_it(tmp_path: Path) -> None:
    import polars

    images = [{"bytes": encoded(written(number)), "path": f"{number}.png"} for number in range(3)]
    for split, rows in (("train", images[:2]), ("test", images[2:])):
        table = polars.DataFrame({"image": rows, "text": [f"text {n}" for n in range(len(rows))]})
        table.write_parquet(tmp_path / f"{split}-00000-of-00001.parquet")
    read = read_lines(tmp_path)
    assert [(record.id, record.text) for record in read.records] == [
        ("test-00000-of-00001/000001_2.png", "text 0"),
        ("train-00000-of-00001/000001_0.png", "text 0"),
        ("train-00000-of-00001/000002_1.png", "text 1"),
    ]
    assert read.records[0].read() == images[2]["bytes"]
    polars.DataFrame({"image": [image["bytes"] for image in images], "text": list("abc")}).write_parquet(
        tmp_path / "b.parquet"
    )
    assert read_lines(tmp_path / "b.parquet").records[0].id == "b/000001.png"


def test_texts_in_file_names_and_in_plain_files(tmp_path: Path) -> None:
    for name in ("3_Slinking_71711.png", "9_a_b_1.png", "none.png"):
        (tmp_path / name).write_bytes(encoded(written()))
    (tmp_path / "none.txt").write_text("beside")
    read = read_lines(tmp_path, ReaderSettings(text_pattern="mjsynth"))
    assert [record.text for record in read.records] == ["Slinking", "a_b"]
    assert read.left_out == {"none.png": "its name does not match datamodule.text_pattern"}
    assert read.notes == ["passed over 1 files that are no images: 1 .txt"]
    assert [r.text for r in read_lines(tmp_path, ReaderSettings(text_suffix=".txt")).records] == ["beside"]
    with pytest.raises(BadInput, match=r"none\.txt: give that file's path, or datamodule\.text_suffix=\.txt"):
        read_lines(tmp_path)
    with pytest.raises(BadInput, match=r"text_pattern=\.\*: mjsynth, trdg or a regular expression with one group"):
        read_lines(tmp_path, ReaderSettings(text_pattern=".*"))


def test_twins_decomposed_names_links_and_every_kind_of_image(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "1.gt.txt").write_text("one")
    for name in ("1.bin.png", "1.nrm.png"):
        (folder / name).write_bytes(encoded(written()))
    (folder / "mu\u0308ller.png").write_bytes(encoded(written()))
    (folder / "m\u00fcller.gt.txt").write_text("two")
    (folder / "b.bmp").write_bytes(encoded(written(), "BMP"))
    (folder / "b.gt.txt").write_text("three")
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "c.jp2").write_bytes(encoded(written(), "JPEG2000"))
    (tmp_path / "far" / "c.gt.txt").write_text("four")
    (folder / "link").symlink_to(tmp_path / "far")
    (folder / "round").symlink_to(folder)
    (folder / "1.box").write_text("x")
    read = read_lines(folder)
    assert sorted(record.text for record in read.records) == ["four", "one", "one", "three", "two"]
    assert read.notes == ["passed over 1 files that are no images: 1 .box"]
    assert len({record.key for record in read.records}) == 4, "twins are one line"
    only = read_lines(folder, ReaderSettings(images="*.nrm.png"))
    assert [record.id for record in only.records] == ["1.nrm.png"]


def test_iam(tmp_path: Path) -> None:
    (tmp_path / "ascii").mkdir()
    (tmp_path / "lines" / "a01" / "a01-000u").mkdir(parents=True)
    (tmp_path / "ascii" / "lines.txt").write_text(
        "#--- lines.txt ---#\n"
        "a01-000u-00 ok 154 19 408 746 1661 89 A|MOVE|to|stop\n"
        "a01-000u-01 err 156 19 395 932 1850 105 any|more|.\n"
        "a01-000u-02 ok 157 16 408 1106 1986 105 gone\n"
    )
    for number in range(2):
        (tmp_path / "lines" / "a01" / "a01-000u" / f"a01-000u-0{number}.png").write_bytes(encoded(written(number)))
    for path in (tmp_path / "ascii" / "lines.txt", tmp_path):
        read = read_lines(path)
        assert [record.text for record in read.records] == ["A MOVE to stop", "any more ."]
        assert read.left_out == {"a01-000u-02": "no such image"}
        assert read.notes[-1] == "lines.txt: 1 lines whose segmentation is marked err are kept"


any_text = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\n\r\f\v\x1c\x1d\x1e\x85\u2028\u2029"), max_size=12
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(any_text.map(str.strip).filter(bool), min_size=1, max_size=4),
    ids=st.lists(
        st.sampled_from(["a.png", "a.jpg", "b/a.png", "../a.png", ".hidden.png", "A.png", "x y.1.png", "/abs.png"]),
        min_size=4,
        max_size=4,
        unique=True,
    ),
    form=st.sampled_from(FORMS),
)
def test_whatever_is_written_is_read_again(texts: list[str], ids: list[str], form: str, tmp_path_factory) -> None:
    image = encoded(written())
    lines = [LineRecord(id_, text, lambda: image, "") for id_, text in zip(ids, texts)]
    target = tmp_path_factory.mktemp("out") / form
    left_out: dict[str, str] = {}
    held = [text for text in texts if form not in ("page", "alto") or not FORBIDDEN.search(text)]
    assert write_form(lines, target, left_out) == len(held)
    assert len(left_out) == len(lines) - len(held)
    if held:
        read = read_lines(target)
        assert sorted(record.text.strip() for record in read.records) == sorted(held)
        assert [record.read() for record in read.records] == [image] * len(held)
        assert not read.left_out


def test_a_converter_names_the_lines_that_it_leaves(tmp_path: Path) -> None:
    def gone() -> bytes:
        raise FileNotFoundError(2, "No such file or directory")

    left_out: dict[str, str] = {}
    lines = [LineRecord("a.png", "one", lambda: encoded(written()), ""), LineRecord("b.png", "two", gone, "")]
    assert write_lines(lines, tmp_path / "x.tsv", left_out) == 1
    assert left_out == {"b.png": "cannot be read (No such file or directory)"}
