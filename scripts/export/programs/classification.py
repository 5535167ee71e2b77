"""The most probable classes of texts.

python predict.py Satoshi Jackson
"""

import json
import re
import string
import sys
import unicodedata
from pathlib import Path

import numpy as np
from network import run  # the file beside this one

HERE = Path(__file__).parent
VOCABULARY = json.loads((HERE / "vocabulary.json").read_text(encoding="utf-8"))
FIXED_LENGTH = json.loads((HERE / "export.json").read_text(encoding="utf-8"))["fixed_length"]  # None: any
ASCII = set(string.ascii_letters + " .,;'")


def normalized(text):
    if VOCABULARY["normalize"] == "ascii":
        text = "".join(c for c in unicodedata.normalize("NFD", text) if c in ASCII)
    elif VOCABULARY["normalize"] == "nfc":
        text = unicodedata.normalize("NFC", text)
    if VOCABULARY["split_punctuation"]:
        text = re.sub(r"([^\w\s'’-]|_)", r" \1 ", text)
    return text.strip()


def encoded(texts):
    """Token ids (B, T), 0 after each text's end, and lengths (B,)."""
    number = {symbol: i for i, symbol in enumerate(VOCABULARY["symbols"])}
    rows = [normalized(text) for text in texts]
    rows = [list(row) if VOCABULARY["tokens"] == "characters" else row.split() for row in rows]
    if VOCABULARY["too_long"] == "cut":
        rows = [row[: min(FIXED_LENGTH or VOCABULARY["max_length"], VOCABULARY["max_length"])] for row in rows]
    longest = FIXED_LENGTH or max(map(len, rows))
    for text, row in zip(texts, rows):
        if not 1 <= len(row) <= min(longest, VOCABULARY["max_length"]):
            sys.exit(f"{text!r}: has {len(row)} tokens; 1 to {min(longest, VOCABULARY['max_length'])} are accepted")
    tokens = np.zeros((len(rows), longest), dtype=np.int64)
    for i, row in enumerate(rows):
        tokens[i, : len(row)] = [number.get(symbol, VOCABULARY["unknown"]) for symbol in row]
    return tokens, np.array([len(row) for row in rows], dtype=np.int64)


def main(texts):
    tokens, lengths = encoded(texts)
    scores = run(tokens=tokens, lengths=lengths)[0]  # (B, C)
    log_probs = scores - np.log(np.exp(scores - scores.max(1, keepdims=True)).sum(1, keepdims=True))
    log_probs -= scores.max(1, keepdims=True)
    for text, row in zip(texts, log_probs):
        print(f"> {text}")
        for i in np.argsort(-row)[:3]:
            print(f"({row[i]:.2f}) {VOCABULARY['classes'][i]}")


if __name__ == "__main__":
    main(sys.argv[1:] or ["Satoshi"])
