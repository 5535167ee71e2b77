"""Delimited text files (CSV, TSV and their kin): the dialect is found, and can be reported in a line.

`read_delimited(path)` finds encoding, separator, quoting and header of a file and returns its rows of cells, each with
the number of the line that it begins in.  Every one of the four can be given instead of found.  What is only a guess
(an 8-bit encoding) is refused with the sentence that says what to type.

    table = read_delimited(Path("load.csv"))
    table.dialect.describe()  # "separator ';', encoding utf-16, no header"
    table.header              # ["Datum", "Last"] or None
    table.rows, table.lines   # cells of each row, and its line in the file (from 1)
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from datamodules.errors import BadInput
from datamodules.files.encoding import read_text_and_encoding, without_compression
from datamodules.files.foreign import refuse_markup

SEPARATORS = ("\t", ";", "|", ",")  # the first wins where several fit: a decimal comma is no separator
SAMPLE_ROWS = 1000  # that the dialect is found from
SAMPLE_CHARACTERS = 1_000_000
PLAIN_ENCODINGS = ("utf-8", "utf-8-sig")
NAMES_OF_SEPARATORS = {"\t": "tab", " ": "space"}

FEW_SYMBOLS = 5  # a column whose words stand so often on average is one of symbols


@dataclass(frozen=True)
class Dialect:
    """Dialect of a delimited file.

    Args:
        separator: one character between two cells.
        quoted: whether `"` encloses cells that hold separators, line ends or (doubled) quotation marks; where not, a
            quotation mark is a character like any other.
        header: whether the first row names the columns.
        encoding: of the file; "utf-8" where nothing else is known.
        escaped: whether a quotation mark inside quoted cells is written `\\"` instead of `""`.
        first_line: the line (from 1) that the first row begins in; what stands before it is no row (`sep=;`).
    """

    separator: str = ","
    quoted: bool = True
    header: bool = True
    encoding: str = "utf-8"
    escaped: bool = False
    first_line: int = 1

    def is_plain(self, path: Path) -> bool:
        """Whether it is what the file's name says: UTF-8 with a header, tabs in a `.tsv` and commas in a `.csv`."""
        usual = "\t" if Path(without_compression(path.name)).suffix.lower() in (".tsv", ".tab") else ","
        return self == Dialect(usual, quoted=usual == ",", encoding=self.encoding) and self.encoding in PLAIN_ENCODINGS

    def describe(self) -> str:
        """The separator, and everything in which the file differs from a plain CSV."""
        name = NAMES_OF_SEPARATORS.get(self.separator, f"'{self.separator}'")
        parts = [f"separator {name}"]
        if self.encoding not in PLAIN_ENCODINGS:
            parts.append(f"encoding {self.encoding}")
        if not self.header:
            parts.append("no header")
        if self.escaped:
            parts.append('quotation marks escaped as \\"')
        if self.quoted == (self.separator == "\t"):
            parts.append("quoted cells" if self.quoted else "quotation marks are characters")
        return ", ".join(parts)


@dataclass
class Delimited:
    """The rows of a file as text; `header` is None where the file has none."""

    path: Path
    dialect: Dialect
    header: list[str] | None
    rows: list[list[str]]
    lines: list[int]  # that each row begins in, from 1
    blank: int = 0  # rows without any cell, which were passed over

    @property
    def width(self) -> int:
        """Columns: of the header, or of most rows."""
        if self.header is not None:
            return len(self.header)
        return Counter(map(len, self.rows)).most_common(1)[0][0] if self.rows else 0


def read_delimited(
    path: Path,
    *,
    encoding: str | None = None,
    separator: str | None = None,
    quoted: bool | None = None,
    header: bool | None = None,
    names: Sequence[str] = (),
    separators: Sequence[str] = SEPARATORS,
    undecided: bool = True,
) -> Delimited:
    """Read a delimited file; what is None is found.

    Args:
        path: the file.
        encoding, separator, quoted, header: as set in the configuration, or None: detected.
        names: column names that are expected; a first row that holds one of them is a header.
        separators: those that are tried.
        undecided: whether the first row is a header where nothing tells.

    Raises:
        BadInput: it cannot be read, decoded or taken apart.
    """
    text, encoding = read_text_and_encoding(path, encoding)
    refuse_markup(text, path)
    dialect = find_dialect(
        text,
        separator=separator,
        quoted=quoted,
        header=header,
        names=names,
        separators=separators,
        undecided=undecided,
    )
    dialect = replace(dialect, encoding=encoding)
    rows, lines, blank = [], [], 0
    for line, row in split_rows(text, dialect, path):
        if any(cell.strip() for cell in row):
            rows.append(row)
            lines.append(line)
        else:
            blank += 1
    first = None
    if dialect.header and rows:
        first = [cell.strip() for cell in rows.pop(0)]
        lines.pop(0)
    return Delimited(path, dialect, first, rows, lines, blank)


def find_dialect(
    text: str,
    *,
    separator: str | None = None,
    quoted: bool | None = None,
    header: bool | None = None,
    names: Sequence[str] = (),
    separators: Sequence[str] = SEPARATORS,
    undecided: bool = True,
) -> Dialect:
    """The dialect of a text, from its first rows; what is given is taken.

    The separator is the one that cuts most rows into as many cells as the first one, two or more; a first row that
    holds expected column names, or a line `sep=;` before it (spreadsheets write one), settles it.
    """
    first_line = 1
    declared = re.match(r"sep=(.)\n", text[:16])
    if declared:
        separator, first_line = separator or declared[1], 2
    sample = text[:SAMPLE_CHARACTERS]
    candidates = []
    for tried in [separator] if separator else separators:
        plain = Dialect(tried, header=False, first_line=first_line)
        candidates.append(_quoting(sample, plain) if quoted is None else replace(plain, quoted=quoted))
    best = max(candidates, key=lambda candidate: _fit(sample, candidate, names))
    if len(candidates) > 1 and not _fit(sample, best, names):  # one column, or nothing fits
        best = next((candidate for candidate in candidates if candidate.separator == ","), best)
    if header is None:
        found = has_header(_sample(sample, best), names)
        header = undecided if found is None else found
    return replace(best, header=header)


def _fit(sample: str, dialect: Dialect, names: Sequence[str]) -> tuple[int, float] | tuple[()]:
    """How well a dialect cuts the sample; () where it does not cut it at all."""
    rows = _sample(sample, dialect)
    if not rows or len(rows[0]) < 2:
        return ()
    first = [cell.strip() for cell in rows[0]]
    settled = sum(name in first for name in names)
    return settled, sum(len(row) == len(first) for row in rows) / len(rows)


def _sample(sample: str, dialect: Dialect) -> list[list[str]]:
    """The first rows; none where the dialect cannot take them apart."""
    rows: list[list[str]] = []
    truncated = len(sample) >= SAMPLE_CHARACTERS
    try:
        for _, row in islice(split_rows(sample, dialect), SAMPLE_ROWS):
            rows.append(row)
    except BadInput:
        if not truncated:
            return []
    else:
        if truncated and len(rows) < SAMPLE_ROWS:
            rows.pop()  # its end is missing
    return [row for row in rows if any(cell.strip() for cell in row)]


def _quoting(sample: str, dialect: Dialect) -> Dialect:
    """Whether quotation marks at the edges of cells enclose them.

    They do where every cell that begins with one is closed.  Between tabs, they need a reason besides: the cells hold
    tabs, line ends or doubled marks, or the whole column is quoted.
    """
    s = re.escape(dialect.separator)
    opened = [match.start() for match in re.finditer(rf'(?:^|(?<={s})|(?<=\n))"', sample)]
    tab = dialect.separator == "\t"
    if not opened:
        return replace(dialect, quoted=not tab)
    closed = _closed(re.compile(rf'"((?:[^"]|"")*)"(?={s}|\n|\Z)'), sample, opened)
    if closed is None and '\\"' in sample:
        escaped_cell = re.compile(rf'"((?:[^"\\]|\\.)*)"(?={s}|\n|\Z)', re.DOTALL)
        if _closed(escaped_cell, sample, opened) is not None:
            return replace(dialect, escaped=True)
    if closed is None or not tab:
        return replace(dialect, quoted=closed is not None)
    needed = all(dialect.separator in cell or "\n" in cell or '""' in cell for cell in closed)
    rows = _sample(sample, replace(dialect, quoted=False))
    width = max((len(row) for row in rows), default=0)
    always = any(all(len(r) > i and r[i].startswith('"') for r in rows) for i in range(width))
    return replace(dialect, quoted=needed or always)


def _closed(cell: re.Pattern[str], sample: str, opened: list[int]) -> list[str] | None:
    """Contents of the quoted cells; None where one that is opened is never closed before a separator."""
    contents: list[str] = []
    position = 0
    for start in opened:
        if start < position:  # inside a quoted cell
            continue
        found = cell.match(sample, start)
        if found is None:
            cut_off = len(sample) >= SAMPLE_CHARACTERS and len(sample) - start < SAMPLE_CHARACTERS // 10
            return contents if cut_off else None
        contents.append(found[1])
        position = found.end()
    return contents


def split_rows(text: str, dialect: Dialect, path: Path | None = None) -> Iterator[tuple[int, list[str]]]:
    """(line that it begins in, cells) of each row, blank ones ([]) included.

    Raises:
        BadInput: the csv module cannot take a line apart.
    """
    csv.field_size_limit(2**31 - 1)  # a text may be long
    body = text
    for _ in range(dialect.first_line - 1):
        body = body.partition("\n")[2]
    reader = csv.reader(
        io.StringIO(body, newline=""),
        delimiter=dialect.separator,
        quoting=csv.QUOTE_MINIMAL if dialect.quoted else csv.QUOTE_NONE,
        doublequote=not dialect.escaped,
        escapechar="\\" if dialect.escaped else None,
        strict=True,
    )
    line = dialect.first_line
    try:
        for row in reader:
            yield line, row
            line = dialect.first_line + reader.line_num
    except csv.Error as error:
        raise BadInput(
            f"{path or 'the text'} line {line}: a quotation mark opens a cell that is not closed before a separator"
            f" ({error}); datamodule.quoted=false takes quotation marks for characters"
        ) from None


def has_header(rows: Sequence[Sequence[str]], names: Sequence[str] = ()) -> bool | None:
    """Whether the first row names columns: True, False, or None where nothing tells.

    An expected name, or a word above a column of numbers, says yes.  A number, or a cell that stands again further
    down in its column, or words all of which do, say no; so do a sentence of such words, and symbols of a column that
    is made of few of them.
    """
    if not rows:
        return None
    first, others = [cell.strip() for cell in rows[0]], rows[1:]
    if any(name in first for name in names):
        return True
    if len(set(first)) == len(first) and any(first):
        for position, cell in enumerate(first):
            below = [row[position].strip() for row in others if len(row) > position]
            filled = [c for c in below if c]
            if cell and filled and not is_number(cell) and all(is_number(c) for c in filled):
                return True
    if any(is_number(cell) for cell in first):
        return False
    cells_seen: list[set[str]] = [{row[i].strip() for row in others if len(row) > i} for i in range(len(first))]
    if any(cell and cell in seen for cell, seen in zip(first, cells_seen)):
        return False
    words_seen = [{word for cell in seen for word in cell.split()} for seen in cells_seen]
    if all(cell and words.issuperset(cell.split()) for cell, words in zip(first, words_seen)):
        return False
    for cell, seen, words in zip(first, cells_seen, words_seen):
        total = sum(len(other.split()) for other in seen)
        of_few_symbols = total >= 2 * len(seen) and total > FEW_SYMBOLS * len(words)
        if cell and (len(cell.split()) >= 3 or of_few_symbols) and words.issuperset(cell.split()):
            return False
    return None


def is_number(cell: str) -> bool:
    """Whether a cell is a number, with a decimal point or comma."""
    return re.fullmatch(r"[+-]?(\d[\d ]*([.,]\d+)*|[.,]\d+)([eE][+-]?\d+)?", cell.strip()) is not None
