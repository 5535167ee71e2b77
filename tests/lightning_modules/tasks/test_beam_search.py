"""Texts read off a network that decodes, against all texts there are."""

from __future__ import annotations

import itertools

import pytest
import torch

from lightning_modules.tasks.beam_search import GenerationConfig, beam_search

END, START, SYMBOLS, LONGEST = 3, 4, 4, 4  # symbols 0 1 2 and the end


class Table:
    """The next symbol depends on the last two; what is written so far is the state."""

    def __init__(self, seed: int, rows: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        scores = torch.randn(rows, SYMBOLS + 1, SYMBOLS + 1, SYMBOLS, generator=generator) * 2
        self.log_probs = scores.log_softmax(dim=3)

    def init_decoder_state(self) -> tuple:
        rows = len(self.log_probs)
        return torch.arange(rows), torch.full((rows,), START), None

    def step(self, ids: torch.Tensor, state: tuple) -> tuple[torch.Tensor, tuple]:
        row, before, nothing = state
        return self.log_probs[row, before, ids[:, 0]], (row, ids[:, 0], nothing)

    def score(self, row: int, text: tuple[int, ...]) -> float:
        before, last, total = START, START, 0.0
        for symbol in (*text, END):
            total += float(self.log_probs[row, before, last, symbol])
            before, last = last, symbol
        return total


@pytest.mark.parametrize("penalty", [0.0, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_a_beam_of_everything_finds_the_best_text(seed: int, penalty: float) -> None:
    table = Table(seed, rows=3)
    every = [text for n in range(LONGEST + 1) for text in itertools.product(range(3), repeat=n)]
    found = beam_search(
        table.step, table.init_decoder_state(), 3, START, END, LONGEST, width=400, length_penalty=penalty
    )
    for row in range(3):
        best = max(every, key=lambda text: table.score(row, text) / (len(text) + 1) ** penalty)
        assert tuple(found.ids[row]) == best
        assert found.log_probs[row] == pytest.approx(table.score(row, best), abs=1e-4)


def test_greedy_takes_the_most_probable_symbol_each_time() -> None:
    table = Table(7, rows=5)
    found = GenerationConfig()(table.step, table.init_decoder_state(), 5, START, END, 6)
    for row in range(5):
        before, last, text = START, START, []
        while len(text) < 6:
            symbol = int(table.log_probs[row, before, last].argmax())
            if symbol == END:
                break
            text.append(symbol)
            before, last = last, symbol
        assert found.ids[row] == text


def test_a_wider_beam_is_never_worse() -> None:
    table = Table(3, rows=6)
    totals = []
    for width in (1, 2, 4, 16):
        found = beam_search(table.step, table.init_decoder_state(), 6, START, END, LONGEST, width, length_penalty=0.0)
        totals.append(sum(found.log_probs))
    assert totals[-1] >= totals[0]


@pytest.mark.parametrize("width", [1, 3])
def test_each_row_has_a_limit_of_its_own(width: int) -> None:
    table = Table(5, rows=4)
    limits = torch.tensor([0, 1, 5, 2])
    together = beam_search(table.step, table.init_decoder_state(), 4, START, END, limits, width, length_penalty=1.0)
    for row, limit in enumerate(limits.tolist()):
        every = beam_search(table.step, table.init_decoder_state(), 4, START, END, limit, width, length_penalty=1.0)
        assert together.ids[row] == every.ids[row]
        assert together.log_probs[row] == pytest.approx(every.log_probs[row])
        assert len(together.ids[row]) <= limit
