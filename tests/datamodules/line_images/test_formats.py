"""Each form read and written, and what happens to broken ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from datamodules.errors import BadInput
from datamodules.line_images.formats import read_lines, write_lines
from tests.datamodules.line_images.pictures import encoded, records, written

FORMS = ("folder", "lines.tsv", "lines.csv", "lines.parquet", "lines.lmdb")


@pytest.mark.parametrize("form", FORMS)
def test_what_is_written_is_read_again(form: str, tmp_path: Path) -> None:
    before = records()
    assert write_lines(before, tmp_path / "out" / form) == len(before)
    after = read_lines(tmp_path / "out" / form)
    assert [record.text for record in after.records] == [record.text for record in before]
    assert [record.read() for record in after.records] == [record.read() for record in before]
    assert not after.left_out


@pytest.mark.parametrize("second", FORMS)
@pytest.mark.parametrize("first", FORMS)
def test_every_form_becomes_every_other(first: str, second: str, tmp_path: Path) -> None:
    write_lines(records(), tmp_path / "a" / first)
    write_lines(read_lines(tmp_path / "a" / first).records, tmp_path / "b" / second)
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
        "lonely.png": "no lonely.gt.txt beside it",
        "silent.gt.txt": "no image beside it",
        "blank.png": "no text",
    }


def test_a_text_of_two_lines_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encoded(written()))
    (tmp_path / "a.gt.txt").write_text("one\ntwo\n")
    with pytest.raises(BadInput, match=r"a\.gt\.txt: 2 lines of text; one is accepted"):
        read_lines(tmp_path)


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
    (tmp_path / "lines.tsv").write_text("file\ttext\na.png\tb\n")
    with pytest.raises(BadInput, match=r"lines\.tsv: no column 'path'; it has file, text"):
        read_lines(tmp_path / "lines.tsv")
    (tmp_path / "lines.tsv").write_text("path\ttext\n\tb\n")
    with pytest.raises(BadInput, match=r"lines\.tsv line 2: no path in column 'path'"):
        read_lines(tmp_path / "lines.tsv")
    (tmp_path / "lines.txt").write_text("")
    with pytest.raises(BadInput, match=r"not a folder of x\.png and x\.gt\.txt, a table of paths and texts"):
        read_lines(tmp_path / "lines.txt")


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
    tabbed = records(("a\tb",))
    with pytest.raises(BadInput, match="a tab in it, which a TSV cannot hold"):
        write_lines(tabbed, tmp_path / "tabs.tsv")
