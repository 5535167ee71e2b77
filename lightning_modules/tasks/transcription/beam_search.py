"""Prefix beam search for CTC (Hannun et al. 2014), for a batch of lines at once.

A prefix is a text that a line may start with; its probability is the sum over all paths that collapse to it, those
that end in a blank and those that end in its last character apart.  A beam is the `beam_width` best prefixes of each
line.  Prefixes are told apart by a 64-bit hash, texts are read off back-pointers at the end.

B lines, W prefixes of a line's beam, C characters (0 is the blank), K = those worth trying at a step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lightning_modules.tasks.transcription.language_model import CharacterModel

MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # of the prefix hash; odd, so that it loses nothing
UNUSED = np.uint64(1 << 63)  # hash of the first slot that holds no prefix
NO_PARENT = np.uint64((1 << 64) - 1)
IMPOSSIBLE = -1e30  # instead of -inf, whose differences are not numbers


@dataclass
class Guidance:
    """Shallow fusion: the language model's addition to a prefix's score.

    Args:
        model: of characters.
        weight: of its log-probabilities.
        bonus: for every character, against the model's liking for short texts.
    """

    model: CharacterModel
    weight: float = 0.5
    bonus: float = 0.0


def beam_search(
    log_probs: np.ndarray,
    lengths: np.ndarray,
    beam_width: int = 10,
    candidates: int | None = 20,
    guidance: Guidance | None = None,
) -> list[list[tuple[list[int], float]]]:
    """For each line its best texts as ids of characters, with their scores (log-probabilities, plus guidance).

    Args:
        log_probs: (T, B, C) natural logarithms.
        lengths: (B,) valid steps.
        beam_width: prefixes kept.
        candidates: characters tried at each step, the most probable ones; all when None.
        guidance: a language model beside the network.
    """
    _, num_lines, num_symbols = log_probs.shape
    beam = _Beam(num_lines, beam_width)
    num_tried = num_symbols - 1 if candidates is None else min(candidates, num_symbols - 1)
    for step in range(int(lengths.max(initial=0))):
        running = np.flatnonzero(lengths > step)
        scores = np.maximum(log_probs[step, running].astype(np.float64), IMPOSSIBLE)  # (b, C)
        if num_tried < num_symbols - 1:
            tried = np.argpartition(-scores[:, 1:], num_tried - 1, axis=1)[:, :num_tried] + 1  # (b, K)
        else:
            tried = np.broadcast_to(np.arange(1, num_symbols), (len(running), num_symbols - 1))
        beam.advance(running, scores, tried, guidance)
    return beam.texts()


class _Beam:
    """The prefixes of every line, and how each came about."""

    def __init__(self, num_lines: int, width: int) -> None:
        shape = (num_lines, width)
        self.blank = np.full(shape, IMPOSSIBLE)  # log-probability of paths that end in a blank
        self.blank[:, 0] = 0.0  # the empty prefix
        self.character = np.full(shape, IMPOSSIBLE)  # of paths that end in the prefix's last character
        self.guided = np.zeros(shape)  # what guidance has added
        self.hash = np.broadcast_to(UNUSED + np.arange(width, dtype=np.uint64), shape).copy()
        self.hash[:, 0] = 0
        self.parent_hash = np.full(shape, NO_PARENT)
        self.last = np.zeros(shape, dtype=np.int64)  # last character; 0 for the empty prefix
        self.state = np.zeros(shape, dtype=np.int64)  # of the language model
        self.node = np.zeros(shape, dtype=np.int64)  # in the tree of prefixes below
        self.parents = [np.array([-1])]  # node -> node of the prefix without its last character
        self.symbols = [np.array([0])]  # node -> that character
        self.num_nodes = 1

    def advance(self, lines: np.ndarray, scores: np.ndarray, tried: np.ndarray, guidance: Guidance | None) -> None:
        """One step of these lines: scores (b, C), characters to try (b, K)."""
        blank, character = self.blank[lines], self.character[lines]  # (b, W)
        total = np.logaddexp(blank, character)
        last, hashes = self.last[lines], self.hash[lines]
        width = blank.shape[1]
        row = np.arange(len(lines))[:, None]

        stay_blank = total + scores[:, :1]
        stay_character = np.where(last > 0, character + scores[row, last], IMPOSSIBLE)
        # a prefix may also come from its parent, if that is in the beam
        is_child = self.parent_hash[lines][:, :, None] == hashes[:, None, :]  # (b, W child, W parent)
        parent = is_child.argmax(axis=2)
        has_parent = is_child.any(axis=2)
        repeated = np.where(last[row, parent] == last, blank[row, parent], total[row, parent])
        from_parent = np.where(has_parent, repeated + scores[row, last], IMPOSSIBLE)
        stay_character = np.logaddexp(stay_character, from_parent)

        grown = total[:, :, None] + scores[row, tried][:, None, :]  # (b, W, K)
        is_repeat = last[:, :, None] == tried[:, None, :]
        grown = np.where(is_repeat, blank[:, :, None] + scores[row, tried][:, None, :], grown)
        in_beam = self._already_there(last, parent, has_parent, tried)
        grown = np.where(in_beam, IMPOSSIBLE, grown)
        guided = np.broadcast_to(self.guided[lines][:, :, None], grown.shape)
        if guidance is not None:
            log_probs = guidance.model.log_probs(self.state[lines][:, :, None], tried[:, None, :])
            guided = guided + guidance.weight * log_probs + guidance.bonus

        stay_total = np.logaddexp(stay_blank, stay_character) + self.guided[lines]
        ranked = np.concatenate([stay_total, (grown + guided).reshape(len(lines), -1)], axis=1)
        best = np.argpartition(-ranked, width - 1, axis=1)[:, :width]  # (b, W)
        self._take(lines, best, row, stay_blank, stay_character, grown, guided, tried, guidance)

    @staticmethod
    def _already_there(last: np.ndarray, parent: np.ndarray, has_parent: np.ndarray, tried: np.ndarray) -> np.ndarray:
        """(b, W, K) whether a prefix grown by a character is another prefix of the beam."""
        in_beam = np.zeros((len(last), last.shape[1], tried.shape[1]), dtype=bool)
        line, child = np.nonzero(has_parent)
        hit = tried[line] == last[line, child][:, None]  # (n, K)
        which, at = np.nonzero(hit)
        in_beam[line[which], parent[line[which], child[which]], at] = True
        return in_beam

    def _take(
        self,
        lines: np.ndarray,
        best: np.ndarray,
        row: np.ndarray,
        stay_blank: np.ndarray,
        stay_character: np.ndarray,
        grown: np.ndarray,
        guided: np.ndarray,
        tried: np.ndarray,
        guidance: Guidance | None,
    ) -> None:
        """Make the best of the old prefixes (numbers below W) and the grown ones (the others) the new beam."""
        width = best.shape[1]
        grows = best >= width
        source = np.where(grows, (best - width) // tried.shape[1], best)  # the prefix that stays or grows
        at = np.where(grows, (best - width) % tried.shape[1], 0)
        symbol = tried[row, at]
        old_hash, old_state, old_node = self.hash[lines], self.state[lines], self.node[lines]
        self.blank[lines] = np.where(grows, IMPOSSIBLE, stay_blank[row, source])
        self.character[lines] = np.where(grows, grown[row, source, at], stay_character[row, source])
        self.guided[lines] = np.where(grows, guided[row, source, at], self.guided[lines][row, source])
        grown_hash = (old_hash[row, source] + symbol.astype(np.uint64)) * MULTIPLIER
        self.parent_hash[lines] = np.where(grows, old_hash[row, source], self.parent_hash[lines][row, source])
        self.hash[lines] = np.where(grows, grown_hash, old_hash[row, source])
        self._vacate(lines)
        self.last[lines] = np.where(grows, symbol, self.last[lines][row, source])
        if guidance is not None:
            moved = guidance.model.next_states(old_state[row, source], symbol)
            self.state[lines] = np.where(grows, moved, old_state[row, source])
        count = int(grows.sum())
        nodes = old_node[row, source]
        self.parents.append(nodes[grows])
        self.symbols.append(symbol[grows])
        nodes[grows] = self.num_nodes + np.arange(count)
        self.num_nodes += count
        self.node[lines] = nodes

    def _vacate(self, lines: np.ndarray) -> None:
        """Slots without a probability hold no prefix: the same text may not stand in a beam twice."""
        empty = np.maximum(self.blank[lines], self.character[lines]) < IMPOSSIBLE / 2
        slots = UNUSED + np.arange(empty.shape[1], dtype=np.uint64)
        self.hash[lines] = np.where(empty, slots, self.hash[lines])
        self.parent_hash[lines] = np.where(empty, NO_PARENT, self.parent_hash[lines])

    def texts(self) -> list[list[tuple[list[int], float]]]:
        parents, symbols = np.concatenate(self.parents).tolist(), np.concatenate(self.symbols).tolist()
        score = np.logaddexp(self.blank, self.character) + self.guided
        order = np.argsort(-score, axis=1)
        results = []
        for line, ranks in enumerate(order.tolist()):
            found = []
            for slot in ranks:
                if score[line, slot] < IMPOSSIBLE / 2:
                    continue
                ids, node = [], int(self.node[line, slot])
                while node > 0:
                    ids.append(symbols[node])
                    node = parents[node]
                found.append((ids[::-1], float(score[line, slot])))
            results.append(found)
        return results
