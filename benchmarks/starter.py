"""The starter: a small CRNN trained from rendered lines alone, in free typefaces, with the words of free word lists.

    python benchmarks/starter.py --words WORDS --texts TEXTS --german TEXTS --greek TEXTS --fonts FONTS --fraktur F:35
    python benchmarks/starter.py --pack RUN                                # into scripts/starter/, at most 2 MB

WORDS is a folder of word lists (/usr/share/dict of the Debian packages wamerican, wbritish, wngerman, wfrench,
wspanish, witalian, wportuguese, wdutch, wswedish, wnorwegian, wdanish, wpolish), TEXTS files of running text, whose
words are drawn one by one, as often as they stand there and with their punctuation; those of --greek are polytonic.
FONTS are folders of typefaces, F those whose hyphen is a double one; `FOLDER:N` counts each of its typefaces N times
(scripts/starter/README.md names all those of the model that is shipped).  What follows the options are settings of
train.py, such as `trainer=gpu`.  No line of any data set is looked at.
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import subprocess
import sys
import tempfile
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import yaml

from datamodules.files.encoding import read_text
from datamodules.line_images.fonts import SUFFIXES

PROJECT = Path(__file__).resolve().parents[1]
STARTER = PROJECT / "scripts" / "starter"
WORDS = 200_000
OF_TEXTS, GREEK, LONG_S = 0.4, 0.13, 0.1  # shares of the words: of running text, Greek, with a long s
LISTS = (
    "american-english", "british-english", "ngerman", "french", "spanish", "italian", "portuguese", "dutch", "swedish",
    "bokmaal", "danish", "polish",
)  # fmt: skip
DOUBLE_HYPHEN = "\u2e17"  # of Fraktur
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def made_words(
    folder: Path, texts: Sequence[Path] = (), german: Sequence[Path] = (), greek: Sequence[Path] = (), seed: int = 0
) -> list[str]:
    """Words of the lists, half of them English and German, with capitals, punctuation, numbers and random strings;
    words of the texts, all of whose characters the others have; German ones with a long s; and Greek ones."""
    rng = random.Random(seed)
    lists = {}
    for name in LISTS:
        content = (folder / name).read_text(encoding="utf-8", errors="ignore").split()
        lists[name] = [word for word in content if len(word) < 16]
    words = []
    for _ in range(WORDS):
        kind = rng.random()
        if kind < 0.06:
            word = str(rng.randint(0, 10 ** rng.randint(1, 4)))
        elif kind < 0.12:
            word = "".join(rng.choices(LETTERS, k=rng.randint(1, 7)))
        else:
            chosen = rng.choices(list(lists.values()), weights=[4, 3, 4, 2, 1, 1, 1, 1, 1, 1, 1, 1])[0]
            word = rng.choice(chosen)
        words.append(_punctuated(_cased(word, rng), rng))
    known = {character for word in words for character in word}
    running = [word for word in _running([*texts, *german]) if known.issuperset(word)]
    spelled = map(long_s, lists["ngerman"] + [word for word in _running(german) if known.issuperset(word)])
    with_long_s = [word for word in spelled if "ſ" in word]
    taken = 0
    for share, make in (
        (OF_TEXTS if running else 0, lambda: rng.choice(running)),
        (LONG_S, lambda: _punctuated(rng.choice(with_long_s), rng).replace("-", DOUBLE_HYPHEN)),
    ):
        count = round(share * WORDS)
        words[taken : taken + count] = [make() for _ in range(count)]
        taken += count
    if of_greek := _running(greek):
        words[taken : taken + round(GREEK * WORDS)] = rng.choices(of_greek, k=round(GREEK * WORDS))
    return words


def _running(texts: Sequence[Path]) -> list[str]:
    """The words of texts, composed (NFC)."""
    words = [word for text in texts for word in unicodedata.normalize("NFC", read_text(text)).split()]
    return [word for word in words if "--" not in word]


def long_s(word: str) -> str:
    """A word as it was spelled until the 19th century: s is long but at the end of a word or a part of it.

    >>> long_s("Wasserhaus's"), long_s("dass,"), long_s("Hausmann")
    ("Waſſerhaus's", 'daß,', 'Hauſmann')
    """
    word = re.sub(r"ss(?![a-zà-ÿ])", "ß", word)
    return re.sub(r"s(?=[a-zà-ÿ])", "ſ", word)


def _cased(word: str, rng: random.Random) -> str:
    kind = rng.random()
    return word.upper() if kind < 0.08 else word.capitalize() if kind < 0.18 else word


def _punctuated(word: str, rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.10:
        return word + ","
    if kind < 0.18:
        return word + "."
    if kind < 0.30:
        return word + rng.choice([";", ":", "!", "?", "-", ".”", ",”", '."', ',"', "'s", "’s", "—"])
    if kind < 0.36:
        marks = rng.choice(["()", "[]", "“”", '""', "''", "‘’", "«»", "„“"])
        return f"{marks[0]}{word}{marks[1]}"
    if kind < 0.39:
        return rng.choice(['"', "“", "(", "—", "'", "‘", "&", "§", "*", "£", "$"]) + word
    return f"{word}-{rng.choice(['', 'the', 'und'])}" if kind < 0.41 else word


def train(options: argparse.Namespace, settings: Sequence[str]) -> None:
    """Train by this project's own command."""
    with tempfile.TemporaryDirectory() as folder:
        words, fonts = Path(folder, "words.txt"), Path(folder, "fonts")
        made = made_words(Path(options.words), options.texts, options.german, options.greek)
        words.write_text("\n".join(made) + "\n", encoding="utf-8")
        link_fonts(options.fonts, fonts)
        link_fonts(options.fraktur, fonts / "fraktur", with_double_hyphen)
        command = [
            sys.executable, str(PROJECT / "scripts" / "train.py"), "datamodule=text_lines", "module=crnn",
            f"datamodule.words={words}", f"datamodule.fonts={fonts}", "datamodule.rendered_lines=1500",
            "datamodule.val_fraction=0.05", "datamodule.test_fraction=0.05", "datamodule.spaced_lines=0.03",
            "datamodule.spaced_marks=0.3", "datamodule.tight_lines=0.6", "datamodule.augmentation.binarization=0.5",
            "optimizer.lr=0.003", "scheduler=one_cycle", "scheduler.warmup=0.1", f"trainer.max_epochs={options.epochs}",
            f"runs_dir={options.runs_dir}", "name=starter", "seed=1", *settings,
        ]  # fmt: skip
        subprocess.run(command, check=True)


def link_fonts(folders: Sequence[str], target: Path, made: Callable[[Path, Path], Path] | None = None) -> None:
    """A folder of links to the typefaces of `folders`, or to what is made of them; of `FOLDER:N`, N to each, so that it
    is drawn N times as often."""
    target.mkdir()
    for number, named in enumerate(folders):
        folder, _, copies = named.rpartition(":") if named.rpartition(":")[2].isdigit() else (named, "", "1")
        for file in sorted(Path(folder).resolve().rglob("*")):
            if file.suffix.lower() in SUFFIXES:
                font = made(file, target) if made else file.resolve()
                for copy in range(int(copies)):
                    (target / f"{number}_{copy}_{file.name}").symlink_to(font)


def with_double_hyphen(file: Path, folder: Path) -> Path:
    """A Fraktur typeface whose hyphen has the code point of what it draws."""
    from fontTools.ttLib import TTFont

    font = TTFont(file)
    for table in font["cmap"].tables:
        if table.isUnicode() and ord("-") in table.cmap:
            table.cmap[ord(DOUBLE_HYPHEN)] = table.cmap.pop(ord("-"))
    made = folder / f"{file.name}.made"  # not a typeface by its name: only its links are
    font.save(made)
    return made


def pack(run: Path) -> None:
    """A run as the starter: its weights in float16, its settings without the places of this machine, its metrics."""
    (STARTER / "checkpoints").mkdir(parents=True, exist_ok=True)
    state = torch.load(run / "checkpoints" / "best.ckpt", map_location="cpu", weights_only=True)
    weights = {
        name: value.half() if value.is_floating_point() else value for name, value in state["state_dict"].items()
    }
    config = _elsewhere(state["config"])
    kept = {"format": state["format"], "config": config, "spec": state["spec"], "state_dict": weights}
    torch.save(kept, STARTER / "checkpoints" / "best.ckpt")
    (STARTER / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False, allow_unicode=True), encoding="utf-8")
    if (run / "metrics.json").is_file():
        shutil.copy(run / "metrics.json", STARTER / "metrics.json")
    size = sum(file.stat().st_size for file in STARTER.rglob("*") if file.is_file())
    print(f"{STARTER}: {size / 1e6:.2f} MB", file=sys.stderr)


def _elsewhere(config: dict[str, Any]) -> dict[str, Any]:
    datamodule = {**config["datamodule"], "words": "words.txt", "fonts": "fonts"}
    trainer = {**config["trainer"], "accelerator": "auto"}
    return {**config, "runs_dir": "runs", "datamodule": datamodule, "trainer": trainer}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--words", metavar="FOLDER", default="/usr/share/dict", help="of word lists")
    parser.add_argument(
        "--texts",
        metavar="TEXT",
        nargs="*",
        type=Path,
        default=[],
        help="of running text, compressed by gzip where it is named .gz",
    )
    parser.add_argument("--german", metavar="TEXT", nargs="*", type=Path, default=[], help="of running German text")
    parser.add_argument("--greek", metavar="TEXT", nargs="*", type=Path, default=[], help="of running Greek text")
    parser.add_argument("--fonts", metavar="FOLDER", nargs="*", default=[], help="of typefaces, or FOLDER:COPIES")
    parser.add_argument(
        "--fraktur",
        metavar="FOLDER",
        nargs="*",
        default=[],
        help="of typefaces, likewise, whose hyphen is a double one",
    )
    parser.add_argument("--runs-dir", default="runs")
    parser.add_argument("--epochs", type=int, default=40, help="of 1,500 lines")
    parser.add_argument("--pack", type=Path, metavar="RUN", help="make a finished run the starter")
    options, settings = parser.parse_known_args()
    if unknown := [setting for setting in settings if setting.startswith("-")]:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    if options.pack:
        pack(options.pack)
    else:
        train(options, settings)


if __name__ == "__main__":
    main()
