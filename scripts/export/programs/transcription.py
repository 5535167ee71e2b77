"""OCR of images of one line of text, with confidence.

python predict.py line.png          # needs Pillow too, which opens and scales pictures
"""

import json
import sys
from pathlib import Path

import numpy as np
from direction import base_direction, display_order, reading_order
from errors import BadInput
from images import line_ink, pages, refuse_several_lines
from network import run  # the files beside this one

HERE = Path(__file__).parent
MODEL = json.loads((HERE / "vocabulary.json").read_text(encoding="utf-8"))
FIXED_WIDTH = json.loads((HERE / "export.json").read_text(encoding="utf-8"))["fixed_length"]  # None: any
HEIGHT, SYMBOLS = MODEL["height"], MODEL["symbols"]
LEAST_WIDTH = 32  # of what the network reads


def best_path(log_probs):
    """Ids of the characters of log_probs (T, C): the best at each step, repeats merged, blanks (0) dropped."""
    best = log_probs.argmax(axis=1)
    before = np.concatenate([[0], best[:-1]])
    return best[(best != before) & (best != 0)].tolist()


def log_likelihood(log_probs, ids):
    """log P(text | image), summed over all paths that the text is read off."""
    states = [0, *(state for i in ids for state in (i, 0))]
    skips = [n > 1 and i != 0 and i != states[n - 2] for n, i in enumerate(states)]
    alpha = np.where(np.arange(len(states)) < 2, log_probs[0, states], -np.inf)
    for step in log_probs[1:]:
        after_one = np.concatenate([[-np.inf], alpha])[: len(states)]
        after_two = np.where(skips, np.concatenate([[-np.inf, -np.inf], alpha])[: len(states)], -np.inf)
        alpha = np.logaddexp(np.logaddexp(alpha, after_one), after_two) + step[states]
    return np.logaddexp.reduce(alpha[-2:])


def base_of(text):
    return base_direction(text, MODEL["direction"], MODEL["of_collection"])


def displayed(text):
    """A text left to right, as its characters stand in the image."""
    return text if MODEL["direction"] == "display" else display_order(text, base_of(text))


def read(page):
    """The text of a page in reading order, and the mean probability of its characters."""
    refuse_several_lines(page)
    widest = min(MODEL["max_width"], FIXED_WIDTH or MODEL["max_width"])
    ink = line_ink(page, HEIGHT, widest, MODEL["vertical"]).of_polarity(MODEL["polarity"], MODEL["ground"])
    width = ink.shape[1]
    images = np.zeros((1, 1, HEIGHT, FIXED_WIDTH or max(width, LEAST_WIDTH)), np.float32)
    images[0, 0, :, :width] = ink / 255
    log_probs, steps = run(images=images, lengths=np.array([width]))  # (1, T, C), (1,)
    log_probs = log_probs[0, : steps[0]].astype(np.float64)
    shown = "".join(SYMBOLS[i] for i in best_path(log_probs)).strip()
    text = shown if MODEL["direction"] == "display" else reading_order(shown, base_of(shown))
    number = {symbol: i for i, symbol in reversed(list(enumerate(SYMBOLS)))}
    total = log_likelihood(log_probs, [number[character] for character in displayed(text)])
    return text, min(1.0, float(np.exp(total / max(1, len(text)))))


def main(names):
    """Print the text of each page of each image; 1 where one cannot be read, else 0."""
    status = 0
    for name in names:
        try:
            found = list(pages(Path(name).read_bytes()))
        except (BadInput, OSError) as error:
            print(f"{name}: {getattr(error, 'strerror', None) or error}", file=sys.stderr)
            status = 1
            continue
        for number, page in enumerate(found, 1):
            place = name if len(found) == 1 else f"{name}#{number}"
            try:
                text, confidence = read(page)
                print(f"{place}\t{text}\t{confidence:.3f}")
            except BadInput as error:
                print(f"{place}: {error}", file=sys.stderr)
                status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or [str(HERE / "line.png")]))
