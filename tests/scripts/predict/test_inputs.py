"""What predict.py takes for a text, and what it reads from files."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from datamodules.errors import BadInput
from datamodules.text.codec import TextCodec
from datamodules.text.spec import LabelledText
from scripts.predict.inputs import TextReport, texts_of


def texts(*inputs: str, file: str | None = None, column: str | None = None, encoding: str | None = None) -> list[str]:
    return list(texts_of(argparse.Namespace(inputs=list(inputs), file=file, column=column, encoding=encoding)))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "reviews.csv"
    path.write_text('id;review\n1;"fine; really"\n2;bad\n')
    return path


def test_a_file_that_is_given_as_a_text_is_said_and_what_is_said_works(table: Path, tmp_path: Path) -> None:
    with pytest.raises(
        BadInput, match=r"reviews\.csv is a file: --file .*reviews\.csv --column review reads the texts"
    ):
        texts(str(table))
    assert texts(file=str(table), column="review") == texts(file=str(table)) == ["fine; really", "bad"]
    assert texts("Anna", file=str(table), column="1") == ["Anna", "1", "2"]
    with pytest.raises(BadInput, match=r"nowhere\.csv: there is no such file"):
        texts("nowhere.csv")
    lines = tmp_path / "names.txt"
    lines.write_text("Anna\nBernd\n")
    with pytest.raises(BadInput, match=r"names\.txt is a file: --file .*names\.txt reads its lines"):
        texts(str(lines))
    assert texts(file=str(lines)) == ["Anna", "Bernd"]
    assert texts("I saw it on site.csv once", "a.b.c") == ["I saw it on site.csv once", "a.b.c"]


def test_files_that_cannot_be_read_are_sentences_with_the_options_of_predict(table: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"--column rewiev: .* no column 'rewiev' \(did you mean 'review'\?\)"):
        texts(file=str(table), column="rewiev")
    with pytest.raises(BadInput, match=r"--column text: --file names the table"):
        texts(column="text")
    latin = tmp_path / "l.csv"
    latin.write_bytes("text\ncafé\n".encode("cp1252"))
    with pytest.raises(BadInput, match=r"for example --encoding cp1252: cp1252 reads 'café'"):
        texts(file=str(latin))
    assert texts(file=str(latin), encoding="cp1252") == ["café"]


def test_what_a_text_loses_on_its_way_is_counted() -> None:
    codec = TextCodec.fit(["abc"], "ascii", "characters", 5, too_long="cut")
    report = TextReport(codec)
    spec = LabelledText(codec, ("x", "y"), (1, 1))
    clean = [report.normalized(text) for text in ("ab1", "abcabc", "abz")]
    report.count_tokens(spec.batch(clean))
    lost, cut, unknown = report.lines()
    assert lost.startswith("normalize=ascii drops 1 characters ('1' 1) from 1 of 3 texts ('ab1' becomes 'ab')")
    assert cut == "1 texts of more than 5 characters are cut"
    assert unknown == "1 of 10 characters are unknown to the run"
