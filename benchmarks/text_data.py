"""Data sets of labelled texts and pairs that benchmarks choose and evaluate settings on, as overrides of a run.

Surnames, first names and film reviews are read from a folder of data; messages by language and German pronunciations
are made from packages (`pip install Django gruut-lang-de`; messages of 40 languages, 100 of each, and 20,000 words).
"""

from __future__ import annotations

import csv
import gettext
import importlib.util
import random
import re
import sqlite3
from collections import defaultdict
from pathlib import Path

from datamodules.errors import BadInput

LANGUAGES, MESSAGES_OF_EACH, WORDS = 40, 100, 20_000


def classification_sets(data: Path, folder: Path) -> dict[str, list[str]]:
    """Name -> overrides of each data set; what is made of packages is written into `folder`."""
    sets = {
        "surnames, 18 languages": ["datamodule=names", f"datamodule.data_dir={data / 'names'}"],
        "first names, 2 genders": ["datamodule=texts", f"datamodule.data_dir={data / 'labelled_text/first_names'}"],
        "film reviews, 2 classes, words": [
            "datamodule=texts", f"datamodule.data_dir={data / 'labelled_text/sentence_polarity'}",
            "datamodule.tokens=words",
        ],
    }  # fmt: skip
    messages = folder / "messages.csv"
    if messages.exists() or write_messages(messages):
        sets["messages, 40 languages"] = ["datamodule=texts", f"datamodule.data_dir={messages}"]
    return sets


def write_messages(path: Path) -> bool:
    """A table of the translated messages of Django: text, language; False where the package is not installed."""
    found = importlib.util.find_spec("django")
    if found is None or not found.submodule_search_locations:
        return False
    of_language: dict[str, set[str]] = defaultdict(set)
    for file in Path(found.submodule_search_locations[0]).rglob("*.mo"):
        with file.open("rb") as opened:
            catalog = gettext.GNUTranslations(opened)._catalog  # type: ignore[attr-defined]
        for key, message in catalog.items():
            source = key if isinstance(key, str) else key[0]
            if source and isinstance(message, str) and len(message.split()) >= 3 and message != source:
                of_language[file.parts[-3]].add(" ".join(message.split()))
    rng = random.Random(0)
    languages = sorted(name for name, messages in of_language.items() if len(messages) >= 150)[:LANGUAGES]
    rows = [(text, name) for name in languages for text in rng.sample(sorted(of_language[name]), MESSAGES_OF_EACH)]
    rng.shuffle(rows)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    return True


def write_pronunciations(path: Path) -> None:
    """A table of German words and their phonemes, every pronunciation of a word a row.

    Raises:
        BadInput: the package is not installed.
    """
    found = importlib.util.find_spec("gruut_lang_de")
    if found is None or not found.submodule_search_locations:
        raise BadInput("the dictionary is that of a package: pip install gruut-lang-de")
    database = sqlite3.connect(Path(found.submodule_search_locations[0]) / "lexicon.db")
    of_word: dict[str, list[str]] = defaultdict(list)
    for word, phonemes in database.execute("select word, phonemes from word_phonemes order by word, pron_order"):
        if re.fullmatch("[a-zäöüß]{2,}", word):
            of_word[word].append(phonemes)
    with path.open("w", encoding="utf-8") as file:
        file.write("word\tphonemes\n")
        for word in random.Random(0).sample(sorted(of_word), WORDS):
            file.writelines(f"{word}\t{phonemes}\n" for phonemes in of_word[word])
