"""The starter: a small CRNN trained from rendered lines alone, in free typefaces, with the words of free word lists.

    python benchmarks/starter.py --words WORDS --texts TEXTS --fonts FONTS --runs-dir runs --epochs 40
    python benchmarks/starter.py --pack RUN                                # into scripts/starter/, at most 2 MB

WORDS is a folder of word lists (/usr/share/dict of the Debian packages wamerican, wbritish, wngerman, wfrench,
wspanish, witalian, wportuguese, wdutch, wswedish, wnorwegian, wdanish, wpolish), TEXTS files of running text, whose
words are drawn one by one, as often as they stand there and with their punctuation, FONTS a folder of typefaces
(scripts/starter/README.md names all those of the model that is shipped).  No line of any data set is looked at.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import yaml

from datamodules.files.encoding import read_text

PROJECT = Path(__file__).resolve().parents[1]
STARTER = PROJECT / "scripts" / "starter"
WORDS = 200_000
OF_TEXTS = 0.45  # share of the words that are those of running text
LISTS = (
    "american-english", "british-english", "ngerman", "french", "spanish", "italian", "portuguese", "dutch", "swedish",
    "bokmaal", "danish", "polish",
)  # fmt: skip
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def made_words(folder: Path, texts: Sequence[Path] = (), seed: int = 0) -> list[str]:
    """Words of the lists, half of them English and German, with capitals, punctuation, numbers and random strings;
    and words of the texts, all of whose characters the others have."""
    rng = random.Random(seed)
    lists = []
    for name in LISTS:
        content = (folder / name).read_text(encoding="utf-8", errors="ignore").split()
        lists.append([word for word in content if len(word) < 16])
    words = []
    for _ in range(WORDS):
        kind = rng.random()
        if kind < 0.06:
            word = str(rng.randint(0, 10 ** rng.randint(1, 4)))
        elif kind < 0.12:
            word = "".join(rng.choices(LETTERS, k=rng.randint(1, 7)))
        else:
            chosen = rng.choices(lists, weights=[4, 3, 4, 2, 1, 1, 1, 1, 1, 1, 1, 1])[0]
            word = rng.choice(chosen)
        words.append(_punctuated(_cased(word, rng), rng))
    known = {character for word in words for character in word}
    running = [
        word for text in texts for word in read_text(text).split() if known.issuperset(word) and "--" not in word
    ]
    if running:
        of_texts = round(OF_TEXTS * WORDS)
        words[:of_texts] = rng.choices(running, k=of_texts)
    return words


def _cased(word: str, rng: random.Random) -> str:
    kind = rng.random()
    return word.upper() if kind < 0.04 else word.capitalize() if kind < 0.16 else word


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


def train(options: argparse.Namespace) -> None:
    """Train by this project's own command."""
    with tempfile.TemporaryDirectory() as folder:
        words = Path(folder, "words.txt")
        words.write_text("\n".join(made_words(Path(options.words), options.texts)) + "\n", encoding="utf-8")
        command = [
            sys.executable, str(PROJECT / "scripts" / "train.py"), "datamodule=text_lines", "module=crnn",
            f"datamodule.words={words}", f"datamodule.fonts={options.fonts}", "datamodule.rendered_lines=1500",
            "datamodule.val_fraction=0.05", "datamodule.test_fraction=0.05", "datamodule.spaced_lines=0.03",
            "datamodule.spaced_marks=0.3", "datamodule.tight_lines=0.6", "datamodule.augmentation.binarization=0.5",
            "optimizer.lr=0.003", "scheduler=one_cycle", "scheduler.warmup=0.1", f"trainer.max_epochs={options.epochs}",
            f"runs_dir={options.runs_dir}", "name=starter", "seed=1",
        ]  # fmt: skip
        subprocess.run(command, check=True)


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
    return {**config, "runs_dir": "runs", "datamodule": datamodule}


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
    parser.add_argument("--fonts", metavar="FOLDER", help="of typefaces")
    parser.add_argument("--runs-dir", default="runs")
    parser.add_argument("--epochs", type=int, default=40, help="of 1,500 lines")
    parser.add_argument("--pack", type=Path, metavar="RUN", help="make a finished run the starter")
    options = parser.parse_args()
    if options.pack:
        pack(options.pack)
    else:
        train(options)


if __name__ == "__main__":
    main()
