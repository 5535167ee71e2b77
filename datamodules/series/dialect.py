"""Dialect of a text table: separator, decimal mark, thousands mark, encoding, header, comments, missing marks.

What is not asked for by a key is detected from the file's first lines and named in the data line.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from datamodules.errors import BadInput

SAMPLE_BYTES = 1 << 16
SAMPLE_ROWS = 1000
SEPARATORS = ("\t", ";", "|", ",")
#: Cells that are missing values in every file.
MISSING = (
    "", "NaN", "nan", "NAN", "NA", "N/A", "n/a", "#N/A", "NULL", "Null", "null", "None", "none", "n/e",
    "-", "--",
)  # fmt: skip
PLAIN_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
ANY_NUMBER = re.compile(r"[+-]?[\d.,' \u00a0\u202f]*\d[\d.,' \u00a0\u202f]*([eE][+-]?\d+)?")
MARK = re.compile(r"[^\w\s]{1,4}")  # a missing value such as `?` or `..`: no letter, no digit
GROUPED = {
    mark: re.compile(rf"[+-]?\d{{1,3}}({re.escape(mark)}\d{{3}})+") for mark in (",", ".", "'", " ", "\u00a0", "\u202f")
}
NAMES = {
    "\t": "tab",
    ";": "';'",
    "|": "'|'",
    ",": "','",
    " ": "space",
    "\u00a0": "no-break space",
    "\u202f": "narrow no-break space",
}


@dataclass(frozen=True)
class Dialect:
    """Dialect of a text table.

    Args:
        separator: between cells.
        decimal: the decimal mark, `.` or `,`.
        thousands: the mark between groups of three digits, or None.
        encoding: a codec of Python.
        header_line: line of the column names, counted from 1; 0 where there are none.
        first_line: line of the first row.
        names: of the columns.
        comment: prefix of lines that are no rows, or None.
        missing: cells that are missing values.
        in_columns: the file has spaces in the place of the separator.
    """

    separator: str
    decimal: str
    thousands: str | None
    encoding: str
    header_line: int
    first_line: int
    names: tuple[str, ...]
    comment: str | None
    missing: tuple[str, ...]
    in_columns: bool = False

    def summary(self) -> list[str]:
        """What differs from a plain comma-separated file, for the data line."""
        found = []
        if self.in_columns:
            found.append("cells separated by spaces")
        elif self.separator != ",":
            found.append(f"separator {NAMES.get(self.separator, repr(self.separator))}")
        if self.decimal != ".":
            found.append(f"decimal mark {self.decimal!r}")
        if self.thousands:
            found.append(f"thousands mark {NAMES.get(self.thousands, repr(self.thousands))}")
        if self.encoding not in ("utf-8", "utf-8-sig"):
            found.append(f"encoding {self.encoding}")
        if self.header_line == 0:
            found.append(f"no header: columns called {', '.join(self.names[:3])} ...")
        elif self.header_line > 1:
            found.append(f"{self.header_line - 1} lines before the header skipped")
        if self.comment:
            found.append(f"lines that begin with {self.comment!r} skipped")
        if self.header_line and self.first_line > self.header_line + 1:
            found.append(f"{self.first_line - self.header_line - 1} line(s) of units or names below the header skipped")
        return found


def detect_encoding(path: Path, head: bytes, asked: str | None) -> str:
    """A codec that reads the head of a file.

    Raises:
        BadInput: the codec that was asked for is unknown or cannot read the file.
    """
    if asked is not None:
        try:
            head[: len(head) // 4 * 4].decode(asked, "ignore")
        except LookupError:
            raise BadInput(
                f"datamodule.encoding={asked}: no such encoding; utf-8, utf-16, latin-1, cp1252 ... are accepted"
            ) from None
        return asked
    if head.startswith((b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")):
        return "utf-32"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if head.startswith(b"\xef\xbb\xbf"):
        return "utf-8-sig"
    if head[1::2].count(0) > len(head) // 4:
        return "utf-16-le"
    if head[0::2].count(0) > len(head) // 4:
        return "utf-16-be"
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:  # else a character that the sample cuts in two
            return "cp1252"
    return "utf-8"


def detect_dialect(
    path: Path,
    text: str,
    encoding: str,
    separator: str | None = None,
    decimal: str | None = None,
    thousands: str | None = None,
    skip_rows: int | None = None,
    missing_values: Sequence[str] = (),
) -> tuple[Dialect, list[list[str]]]:
    """The dialect of a table and the cells of its first rows.

    Args:
        path: for sentences.
        text: the first whole lines of the file.
        encoding: of the file.
        separator, decimal, thousands: as asked for; None: detected.
        skip_rows: lines before the header; None: detected.
        missing_values: more cells that are missing values.

    Raises:
        BadInput: there is no header and row, or a setting that makes no sense.
    """
    _check_marks(separator, decimal, thousands)
    lines = text.removeprefix("\ufeff").splitlines()
    start = skip_rows or 0
    if skip_rows is None and lines and re.fullmatch(r'"?sep=(.)"?', lines[0].strip()):  # Excel's first line
        separator, start = separator or lines[0].strip().strip('"')[4], 1
    comment = "#" if any(line.startswith("#") for line in lines[start:]) else None
    numbered = [
        (number, line)
        for number, line in enumerate(lines[start:], start + 1)
        if line.strip() and not (comment and line.startswith(comment))
    ]
    if len(numbered) < 2:
        raise BadInput(f"{path}: no rows; a header and a row for each stamp are needed")
    separator = separator or _separator(numbered)
    rows = _cells([line for _, line in numbered], separator)
    if len(rows) != len(numbered):  # a quoted cell over several lines
        raise BadInput(f"{path}: a quoted cell goes over several lines; a row a line is needed")
    width = _width(rows)
    header = next(i for i, row in enumerate(rows) if (_stripped_width(row) >= width - 1 and len(row) > 1) or width == 1)
    if skip_rows is not None:
        header = 0
    has_header = not _is_data(rows[header])
    first = header + has_header
    while has_header and first + 1 < len(rows) and first - header <= 3 and _is_units(rows[first], rows[first + 1]):
        first += 1
    width = _width(rows[first:]) if first < len(rows) else 0
    names = _names(_with_row_names(rows[header], rows[first:], width), width, has_header)
    body = rows[first : first + SAMPLE_ROWS]
    cells = [cell.strip() for row in body for cell in row]
    found_decimal, found_thousands = number_marks(cells, separator)
    chosen = decimal or ("." if thousands == "," else "," if thousands == "." else found_decimal)
    dialect = Dialect(
        separator,
        chosen,
        thousands if thousands is not None else None if found_thousands == chosen else found_thousands,
        encoding,
        numbered[header][0] if has_header else 0,
        numbered[first][0] if first < len(numbered) else numbered[-1][0] + 1,
        names,
        comment,
        tuple(dict.fromkeys([*MISSING, *missing_values])),
    )
    return dialect, body


def number_marks(cells: Iterable[str], separator: str) -> tuple[str, str | None]:
    """Decimal and thousands mark of the numbers among these cells.

    `1.234,5` and `1,234.5` say both.  One kind of mark alone is the thousands mark where it stands twice in a number,
    where `,` separates the cells too (they are quoted), or where all such numbers have exactly three digits behind it
    while numbers below a thousand have none; else it is the decimal mark.
    """
    seen: dict[str, list[str]] = {",": [], ".": []}
    thousands, plain = Counter[str](), False
    for cell in cells:
        if not ANY_NUMBER.fullmatch(cell):
            continue
        comma, dot = cell.rfind(","), cell.rfind(".")
        if comma >= 0 and dot >= 0:
            return (",", ".") if comma > dot else (".", ",")
        if comma >= 0 or dot >= 0:
            seen["," if comma >= 0 else "."].append(cell)
        elif cell.lstrip("+-").isdigit():
            plain = plain or cell.lstrip("+-0") != ""
        for mark in ("'", " ", "\u00a0", "\u202f"):
            if GROUPED[mark].match(cell):
                thousands[mark] += 1
    other = thousands.most_common(1)[0][0] if thousands else None
    for mark, numbers in seen.items():
        if not numbers:
            continue
        grouped = all(GROUPED[mark].fullmatch(number) for number in numbers)
        twice = grouped and any(number.count(mark) > 1 for number in numbers)
        leading_zero = any(number.lstrip("+-").startswith("0") for number in numbers)
        if twice or (mark == separator == "," and grouped) or (grouped and plain and not leading_zero and not other):
            return ("." if mark == "," else ",", mark) if not seen["." if mark == "," else ","] else (".", ",")
        if mark == ",":
            return ",", other
    return ".", other


def _check_marks(separator: str | None, decimal: str | None, thousands: str | None) -> None:
    if separator is not None and len(separator) != 1:
        raise BadInput(f"datamodule.separator={separator!r}: one character is accepted, such as ';' or '\\t'")
    if decimal not in (None, ".", ","):
        raise BadInput(f"datamodule.decimal={decimal}: '.' or ',' is accepted")
    if thousands is not None and len(thousands) != 1:
        raise BadInput(f"datamodule.thousands={thousands!r}: one character is accepted")
    if thousands is not None and thousands == decimal:
        raise BadInput(f"datamodule.thousands={thousands!r}: the decimal mark is the same")


def _separator(numbered: list[tuple[int, str]]) -> str:
    """The mark that gives most lines, the last ones among them, one number of cells greater than one."""
    lines = [line for _, line in numbered[:SAMPLE_ROWS]]
    best, best_score = ",", 0.0
    for mark in SEPARATORS:
        widths = [len(row) for row in _cells(lines, mark)]
        width = Counter(widths[len(widths) // 4 :]).most_common(1)[0][0]
        agreeing = sum(abs(w - width) <= 1 for w in widths) / len(widths)
        if width < 2 or agreeing < 0.8:
            continue
        # a decimal comma splits rows but not the header: then the other mark fits the header too
        fits_header = any(abs(w - width) <= 1 and w > 1 for w in widths[:10])
        score = agreeing + (1.0 if fits_header else 0.0)
        if score > best_score:
            best, best_score = mark, score
    return best


def is_in_columns(text: str) -> bool:
    """Whether spaces are all that separates the cells of a table's lines, several in one place at least."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")][:SAMPLE_ROWS]
    if len(lines) < 2 or any(mark in line for line in lines for mark in (";", "|", "\t")):
        return False
    if "," in lines[0]:
        return False
    widths = [len(line.split()) for line in lines]
    aligned = sum("  " in line.strip() for line in lines) * 2 > len(lines) or len(lines[0].split()) == widths[-1]
    return widths[-1] > 1 and aligned and all(width == widths[-1] for width in widths[1:])


def _cells(lines: list[str], separator: str) -> list[list[str]]:
    try:
        return list(csv.reader(lines, delimiter=separator))
    except csv.Error:
        return [line.split(separator) for line in lines]


def _width(rows: list[list[str]]) -> int:
    return Counter(len(row) for row in rows[len(rows) // 4 :]).most_common(1)[0][0]


def _stripped_width(row: list[str]) -> int:
    """Cells up to the last that is not empty."""
    return max((i + 1 for i, cell in enumerate(row) if cell.strip()), default=0) if row else 0


def _is_data(row: list[str]) -> bool:
    """Whether a first row is no header: its first cells look like a stamp or number, and another is a number."""
    cells = [cell.strip() for cell in row]
    first = bool(re.match(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}", cells[0]) or PLAIN_NUMBER.fullmatch(cells[0]))
    rest = [cell for cell in cells[1:] if cell not in MISSING]
    return first and bool(rest) and all(re.match(r"[+-]?[\d.,:]+", cell) for cell in rest)


def _is_units(row: list[str], following: list[str]) -> bool:
    """Whether a row below the header holds units or more names: no digit in it, where the next row has some."""
    has_digit = [any(c.isdigit() for c in cell) for cell in row]
    return (
        not any(has_digit)
        and any(cell.strip() for cell in row)
        and any(c.isdigit() for cell in following for c in cell)
    )


def _with_row_names(header: list[str], body: list[list[str]], width: int) -> list[str]:
    """The header, with a nameless first column where rows have one cell more than it has names (row names of R)."""
    longer = [row for row in body if len(row) == len(header) + 1]
    if width == len(header) + 1 and longer and sum(bool(row[-1].strip()) for row in longer) * 2 > len(longer):
        return ["", *header]
    return header


def _names(header: list[str], width: int, has_header: bool) -> tuple[str, ...]:
    if not has_header:
        return ("time", *(f"column_{i}" for i in range(2, max(width, len(header)) + 1)))
    names: list[str] = []
    cells = [cell.strip() for cell in header]
    if width == len(cells) + 1 and all(cells):
        cells = [*cells, ""]
    for position in range(max(width, len(cells))):
        name = cells[position] if position < len(cells) else ""
        name = name or f"unnamed_{position + 1}"
        while name in names:
            name += "_2"
        names.append(name)
    return tuple(names)
