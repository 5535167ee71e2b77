"""What pictures of one line of text say, and how sure that is.

python predict.py line.png          # needs Pillow too, which opens and scales pictures
"""

import json
import sys
from pathlib import Path

import numpy as np
from network import run  # the file beside this one
from PIL import Image

HERE = Path(__file__).parent
READER = json.loads((HERE / "vocabulary.json").read_text(encoding="utf-8"))
FIXED_WIDTH = json.loads((HERE / "export.json").read_text(encoding="utf-8"))["fixed_length"]  # None: any
HEIGHT, SYMBOLS = READER["height"], READER["symbols"]
LEAST_WIDTH = 32  # of what the network reads
LEAST_CONTRAST = 12  # grey levels between ink and paper


def grey_levels(path):
    """The picture in 256 grey levels, on white paper."""
    try:
        picture = Image.open(path)
        if picture.mode.startswith("I") or picture.mode == "F":  # 16 or 32 bits
            levels = np.asarray(picture, dtype=np.float64)
            low, high = levels.min(), levels.max()
            return Image.fromarray(np.uint8(255 * (levels - low) / max(high - low, 1e-9)))
        if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
            paper = Image.new("RGBA", picture.size, "white")
            return Image.alpha_composite(paper, picture.convert("RGBA")).convert("L")
        return picture.convert("L")
    except Exception as error:
        sys.exit(f"{path}: not an image that can be read ({error})")


def ink_of(path):
    """The ink of a picture, (height, W) from 0 (paper) to 255."""
    grey = grey_levels(path)
    width = max(1, round(grey.width * HEIGHT / grey.height))
    widest = min(READER["max_width"], FIXED_WIDTH or READER["max_width"])
    if width > widest:
        sys.exit(f"{path}: {width} pixels wide at height {HEIGHT}; at most {widest} are accepted")
    scaled = grey.resize((width, HEIGHT), Image.Resampling.BILINEAR)
    counts = np.array(scaled.histogram())
    below = counts.cumsum() / counts.sum()
    darkest, lightest = int(np.searchsorted(below, 0.005)), int(np.searchsorted(below, 0.995))
    if lightest - darkest < LEAST_CONTRAST:  # perhaps a single small mark
        darkest, lightest = int(counts.nonzero()[0][0]), int(counts.nonzero()[0][-1])
    if lightest - darkest < LEAST_CONTRAST:
        sys.exit(f"{path}: empty: nothing is written on it")
    ink = np.clip((lightest - np.arange(256)) / (lightest - darkest), 0, 1)
    mostly_dark = (ink * counts).sum() > 0.5 * counts.sum()
    if READER["polarity"] == "light_on_dark" or (READER["polarity"] == "auto" and mostly_dark):
        ink = 1 - ink
    return np.rint(255 * ink)[np.asarray(scaled)]


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


def read(path):
    """The text of a picture, and the mean probability of its characters."""
    ink = ink_of(path)
    width = ink.shape[1]
    images = np.zeros((1, 1, HEIGHT, FIXED_WIDTH or max(width, LEAST_WIDTH)), np.float32)
    images[0, 0, :, :width] = ink / 255
    log_probs, steps = run(images=images, lengths=np.array([width]))  # (1, T, C), (1,)
    log_probs = log_probs[0, : steps[0]].astype(np.float64)
    text = "".join(SYMBOLS[i] for i in best_path(log_probs)).strip()
    number = {symbol: i for i, symbol in reversed(list(enumerate(SYMBOLS)))}
    total = log_likelihood(log_probs, [number[character] for character in text])
    return text, min(1.0, float(np.exp(total / max(1, len(text)))))


if __name__ == "__main__":
    for name in sys.argv[1:] or [str(HERE / "line.png")]:
        text, confidence = read(name)
        print(f"{name}\t{text}\t{confidence:.3f}")
