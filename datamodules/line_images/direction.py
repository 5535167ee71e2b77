"""Reading order <-> display order of a line of text: the Unicode bidirectional algorithm (UAX #9) and its inverse.

Ground truth and predictions are in reading (logical) order, as they are typed; CTC sees display (visual) order, left to
right as the characters stand in the image.  Latin, Greek or Chinese lines are the same in both.

This file needs the standard library alone: an exported model takes a copy of it along.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice, product
from typing import Literal

Direction = Literal["auto", "ltr", "rtl", "display"]  # display: ground truth that is in display order already
BaseDirection = Literal["ltr", "rtl"]

#: Characters of classes R, AL and AN: without one of them, display order is reading order.
_RTL = re.compile("[\u0590-\u08ff\u200f\ufb1d-\ufdff\ufe70-\ufeff\U00010800-\U00010fff\U0001e800-\U0001efff]")
_STRONG = {"L": "L", "R": "R", "EN": "R", "AN": "R"}  # numbers count as R in N0 and N1
_PLAIN_NEUTRALS = ("B", "S", "WS", "ON")  # the others may be part of a number
MOST_CANDIDATES = 2048  # reading orders tried for one display order


def has_rtl(text: str) -> bool:
    """Whether a text has a character of a right-to-left script."""
    return _RTL.search(text) is not None


def letter_counts(text: str) -> tuple[int, int]:
    """Letters from left to right (class L), and from right to left (R, AL).

    >>> letter_counts("abc \u05d0\u05d1 12")
    (3, 2)
    """
    classes = [_bidi_class(character) for character in text]
    return classes.count("L"), classes.count("R") + classes.count("AL")


def collection_direction(texts: Iterable[str]) -> BaseDirection:
    """The base direction of the lines of a collection that have letters of both directions: that of most letters.

    Where no line has both, that of most letters of all lines.
    """
    counts = [letter_counts(text) for text in texts if has_rtl(text)]
    mixed = [count for count in counts if all(count)]
    ltr, rtl = (sum(count[i] for count in mixed or counts) for i in range(2))
    return "rtl" if rtl and rtl >= ltr else "ltr"


def base_direction(text: str, direction: Direction, of_collection: BaseDirection) -> BaseDirection:
    """The base direction of one line.

    It follows from which characters the line has, never from their order, so that it is the same found in reading and
    in display order: with `auto`, a line with letters of one direction has that one, any other that of the collection.
    """
    if direction in ("ltr", "rtl"):
        return direction  # type: ignore[return-value]
    if not has_rtl(text) and of_collection == "ltr":
        return "ltr"
    ltr, rtl = letter_counts(text)
    if bool(ltr) == bool(rtl):
        return of_collection
    return "rtl" if rtl else "ltr"


def display_order(text: str, base: BaseDirection) -> str:
    """A text as it stands in its image, left to right; brackets of right-to-left text are mirrored.

    >>> display_order("\u05d0\u05d1 12 (c)", "rtl") == "(c) 12 \u05d1\u05d0"
    True
    """
    if base == "ltr" and not has_rtl(text):
        return text
    levels = _levels(text, base)
    return "".join(mirrored(text[i]) if levels[i] % 2 else text[i] for i in _visual_indices(text, levels))


def display_indices(text: str, base: BaseDirection) -> list[int]:
    """Positions in `text` of the characters of `display_order(text, base)`, left to right."""
    if base == "ltr" and not has_rtl(text):
        return list(range(len(text)))
    return _visual_indices(text, _levels(text, base))


def reading_order(text: str, base: BaseDirection) -> str:
    """The text whose display order is `text`.

    A few display orders stand for two reading orders ("12 a" and "a 12" inside Hebrew): the one in which numbers
    follow Latin words and quotation marks close is returned.  One that no text has (a misread line) is reordered as
    well as it goes.
    """
    if base == "ltr" and not has_rtl(text):
        return text
    likely = display_order(text, base)
    found = likely if display_order(likely, base) == text else None
    if found is not None and not _loose_quotes(found):
        return found
    for candidate in islice(_reading_orders(text, base), MOST_CANDIDATES):
        if (found is None or not _loose_quotes(candidate)) and display_order(candidate, base) == text:
            found = candidate
            if not _loose_quotes(found):
                break
    return likely if found is None else found


@lru_cache(maxsize=4096)
def mirrored(character: str) -> str:
    """The bracket or sign of the opposite direction; the character itself where there is none.

    >>> mirrored("("), mirrored("\u00ab"), mirrored("a")
    (')', '»', 'a')
    """
    if not unicodedata.mirrored(character):
        return character
    name = unicodedata.name(character, "")
    for left, right in (("LEFT", "RIGHT"), ("LESS-THAN", "GREATER-THAN")):
        for old, new in ((left, right), (right, left)):
            if old in name:
                try:
                    return unicodedata.lookup(name.replace(old, new))
                except KeyError:
                    return character
    return character


# ---------------------------------------------------------------- levels (UAX #9, W1 to L1)


@lru_cache(maxsize=4096)
def _bidi_class(character: str) -> str:
    """UAX #9, table 4; explicit embeddings, overrides and isolates count as neutrals."""
    found = unicodedata.bidirectional(character)
    if not found:
        return "R" if _RTL.match(character) else "L"
    return "ON" if found in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI", "BN") else found


def _levels(text: str, base: BaseDirection) -> list[int]:
    """The embedding level of each character; even ones run from left to right."""
    level = 1 if base == "rtl" else 0
    embedding = "R" if level else "L"
    original = [_bidi_class(character) for character in text]
    types = _weak(original, embedding)
    _brackets(text, original, types, embedding)
    _neutrals(types, embedding)
    higher = {"L": 0, "R": 1, "EN": 2, "AN": 2} if level == 0 else {"L": 2, "R": 1, "EN": 2, "AN": 2}
    levels = [higher[found] for found in types]
    trailing = True  # L1: separators and white space before them, or at the end, have the base level
    for i in range(len(text) - 1, -1, -1):
        if original[i] in ("S", "B") or (trailing and original[i] == "WS"):
            levels[i], trailing = level, True
        else:
            trailing = False
    return levels


def _weak(original: Sequence[str], embedding: str) -> list[str]:
    """W1 to W7: marks take the class of their letter, separators and terminators that of their number."""
    types = list(original)
    before = embedding
    for i, found in enumerate(types):  # W1
        types[i] = before = before if found == "NSM" else found
    strong = embedding
    for i, found in enumerate(types):  # W2, W3
        if found in ("L", "R", "AL"):
            strong = found
        elif found == "EN" and strong == "AL":
            types[i] = "AN"
    types = ["R" if found == "AL" else found for found in types]
    for i in range(1, len(types) - 1):  # W4
        around = types[i - 1], types[i + 1]
        if types[i] == "ES" and around == ("EN", "EN"):
            types[i] = "EN"
        elif types[i] == "CS" and around in (("EN", "EN"), ("AN", "AN")):
            types[i] = around[0]
    for start, end in _runs(types, {"ET"}):  # W5
        if (start and types[start - 1] == "EN") or (end < len(types) and types[end] == "EN"):
            types[start:end] = ["EN"] * (end - start)
    types = ["ON" if found in ("ES", "CS", "ET") else found for found in types]  # W6
    strong = embedding
    for i, found in enumerate(types):  # W7
        if found in ("L", "R"):
            strong = found
        elif found == "EN" and strong == "L":
            types[i] = "L"
    return types


def _brackets(text: str, original: Sequence[str], types: list[str], embedding: str) -> None:
    """N0: both brackets of a pair have one direction."""
    for opening, closing in sorted(_bracket_pairs(text, types)):
        inside = {_STRONG[found] for found in types[opening + 1 : closing] if found in _STRONG}
        if not inside:
            continue
        direction = embedding
        if embedding not in inside:
            before = next((_STRONG[found] for found in reversed(types[:opening]) if found in _STRONG), embedding)
            direction = before if before in inside else embedding
        for position in (opening, closing):
            types[position] = direction
            for i in range(position + 1, len(types)):
                if original[i] != "NSM":
                    break
                types[i] = direction


def _bracket_pairs(text: str, types: Sequence[str]) -> list[tuple[int, int]]:
    """BD16: positions of opening and closing brackets that belong together."""
    pairs, waiting = [], []
    for i, character in enumerate(text):
        if types[i] != "ON" or not unicodedata.mirrored(character):
            continue
        category = unicodedata.category(character)
        if category == "Ps":
            waiting.append((mirrored(character), i))
        elif category == "Pe":
            for place in range(len(waiting) - 1, -1, -1):
                if waiting[place][0] == character:
                    pairs.append((waiting[place][1], i))
                    del waiting[place:]
                    break
    return pairs


def _neutrals(types: list[str], embedding: str) -> None:
    """N1, N2: neutrals between two of one direction have it, others that of the line."""
    for start, end in _runs(types, {"B", "S", "WS", "ON"}):
        before = _STRONG[types[start - 1]] if start else embedding
        after = _STRONG[types[end]] if end < len(types) else embedding
        types[start:end] = [before if before == after else embedding] * (end - start)


def _runs(types: Sequence[str], of: set[str]) -> list[tuple[int, int]]:
    """Start and end of each run of these classes."""
    runs, start = [], None
    for i, found in enumerate([*types, ""]):
        if found in of and start is None:
            start = i
        elif found not in of and start is not None:
            runs.append((start, i))
            start = None
    return runs


# ---------------------------------------------------------------- order (L2, L3), and its inverse


def _visual_indices(text: str, levels: Sequence[int]) -> list[int]:
    order = list(range(len(text)))
    for level in range(max(levels, default=0), 0, -1):  # L2
        _reverse_runs(order, [levels[i] >= level for i in order])
    start = 0
    while start < len(order):  # L3: marks stand after their letter
        end = start
        if levels[order[start]] % 2:
            while end < len(order) - 1 and unicodedata.combining(text[order[end]]) and levels[order[end]] % 2:
                end += 1
            order[start : end + 1] = reversed(order[start : end + 1])
        start = end + 1
    return order


def _loose_quotes(text: str) -> bool:
    """Whether a straight quotation mark opens after a letter or closes before one."""
    return re.search(r'\w"\s[^"]*\w"\s?[^\w"]*$|\w"\w', text) is not None and text.count('"') % 2 == 0


def _reverse_runs(order: list, inside: Sequence[bool]) -> None:
    start = None
    for i, belongs in enumerate([*inside, False]):
        if belongs and start is None:
            start = i
        elif not belongs and start is not None:
            order[start:i] = reversed(order[start:i])
            start = None


def _outside_numbers(classes: list[str]) -> list[str]:
    """Separators and terminators that no number can hold (W4, W5) as neutrals, "ON"; a number stands left to right in
    both orders, so that its neighbours are the same in both."""
    found = list(classes)
    for start, end in _runs(classes, {"ES", "CS"}):
        around = classes[start - 1 : start] + classes[end : end + 1]
        if end - start > 1 or len(around) < 2 or not set(around) <= {"EN", "AN"}:
            found[start:end] = ["ON"] * (end - start)
    for start, end in _runs(classes, {"ET"}):
        if "EN" not in classes[max(start - 1, 0) : start] + classes[end : end + 1]:
            found[start:end] = ["ON"] * (end - start)
    return found


def _reading_orders(text: str, base: BaseDirection) -> Iterator[str]:
    """Texts that may have `text` as their display order: every choice for the neutrals and numbers between letters."""
    level = 1 if base == "rtl" else 0
    clusters: list[str] = []
    for character in text:
        if clusters and unicodedata.combining(character):
            clusters[-1] += character
        else:
            clusters.append(character)
    classes = _outside_numbers([_bidi_class(cluster[0]) for cluster in clusters])
    choices: list[tuple[int, ...]] = []
    for start, found in enumerate(classes):
        if found in ("R", "AL"):
            choices.append((1,))
        elif found == "L":
            choices.append((2 * level,))
        elif found == "AN":
            choices.append((2,))
        elif found == "EN":
            choices.append((2,) if level else (2, 0))
        elif found in _PLAIN_NEUTRALS:
            joined = start and classes[start - 1] in _PLAIN_NEUTRALS
            choices.append((-1,) if joined else (2, 1) if level else (1, 0))
        else:
            choices.append((2, 1) if level else (1, 0, 2))
    for chosen in product(*choices):
        levels: list[int] = []
        for level_of in chosen:  # -1: a neutral goes with the neutral before it
            levels.append(levels[-1] if level_of < 0 else level_of)
        pieces = [mirrored(c[0]) + c[1:] if at % 2 else c for c, at in zip(clusters, levels)]
        order = list(range(len(pieces)))
        for of in range(1, 3):
            _reverse_runs(order, [levels[i] >= of for i in order])
        yield "".join(pieces[i] for i in order)
