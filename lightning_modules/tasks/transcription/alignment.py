"""Forced alignment of a text with the steps of CTC: where each character stands, and how sure it is (Viterbi)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class CharacterSpan:
    """A character on its line: `start` and `end` as shares of the line's width, and its largest probability."""

    start: float
    end: float
    confidence: float


def align(log_probs: np.ndarray, ids: Sequence[int]) -> list[CharacterSpan]:
    """Forced alignment: the places of a text's characters on its most probable CTC path, left to right.

    CTC marks a character in one or few of its steps: the border between two neighbours is put in the middle of the
    blanks between them.

    Args:
        log_probs: (T, C) of one line's steps, blank 0.
        ids: of the characters in display order; T is at least their number and repeats.
    """
    if not ids or len(log_probs) < len(ids):
        return []
    steps = _path(log_probs, ids)
    count = len(log_probs)
    borders = [_before_first(steps, count)]
    borders += [(steps[i][1] + 1 + steps[i + 1][0]) / 2 for i in range(len(ids) - 1)]
    borders.append(count - _before_first([(count - 1 - e, count - 1 - s) for s, e in reversed(steps)], count))
    spans = []
    for i, (first, last) in enumerate(steps):
        sure = float(np.exp(log_probs[first : last + 1, ids[i]].max()))
        spans.append(CharacterSpan(borders[i] / count, borders[i + 1] / count, min(1.0, sure)))
    return spans


def _path(log_probs: np.ndarray, ids: Sequence[int]) -> list[tuple[int, int]]:
    """First and last step of each character."""
    states = np.array([0, *(state for i in ids for state in (i, 0))])  # blanks around every character
    num_states = len(states)
    skips = np.zeros(num_states, dtype=bool)  # over the blank between two different characters
    skips[3::2] = states[3::2] != states[1:-2:2]
    best = np.where(np.arange(num_states) < 2, log_probs[0, states], -np.inf)
    came_from = np.zeros((len(log_probs), num_states), dtype=np.int8)  # how many states back
    for step in range(1, len(log_probs)):
        from_previous = np.concatenate([[-np.inf], best[:-1]])
        from_skip = np.where(skips, np.concatenate([[-np.inf, -np.inf], best[:-2]])[:num_states], -np.inf)
        choices = np.stack([best, from_previous, from_skip])
        came_from[step] = choices.argmax(axis=0)
        best = choices.max(axis=0) + log_probs[step, states]
    state = num_states - 1 if best[-1] >= best[-2] else num_states - 2
    spans = [(0, 0)] * len(ids)
    last = len(log_probs) - 1
    for step in range(len(log_probs) - 1, -1, -1):
        before = state - int(came_from[step][state]) if step else -1
        if before != state:
            if state % 2:
                spans[state // 2] = (step, last)
            state, last = before, step - 1
    return spans


def _before_first(steps: list[tuple[int, int]], count: int) -> float:
    """The left border of the first character: half an average character before its steps."""
    pitch = (steps[-1][1] - steps[0][0] + 1) / len(steps)
    middle = (steps[0][0] + steps[0][1] + 1) / 2
    return float(min(max(0.0, middle - pitch / 2), steps[0][0], count))
