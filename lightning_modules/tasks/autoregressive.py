"""Texts as answers of a network that writes: taught with the truth, then written freely."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from lightning_modules.layers.encoding import Encoding
from lightning_modules.layers.symbols import Symbols, cross_entropy, what_follows
from lightning_modules.tasks.beam_search import WritingMethod


@dataclass
class WrittenText:
    """What a network writes of each example.

    While it learns, only what it is taught: `scores` of the symbols of the truth.  Later also the texts that it
    writes by itself.
    """

    scores: Tensor | None  # (B, U + 1, V + 1) float32; None where no truth is known
    goals: Tensor | None  # (B, U + 1) int64
    ids: list[list[int]] = field(default_factory=list)
    log_probs: list[float] = field(default_factory=list)  # of each text written
    weights: Tensor | None = None  # (B, U + 1, T) of each step that was read, for each symbol of the truth

    def __len__(self) -> int:
        return len(self.ids) if self.scores is None else len(self.scores)

    def loss(self, label_smoothing: float = 0.0) -> Tensor:
        """Nats a symbol, ends of texts among them."""
        assert self.scores is not None and self.goals is not None
        return cross_entropy(self.scores, self.goals, label_smoothing)


def write_text(
    writer: Any,
    encoding: Encoding,
    symbols: Symbols,
    truth: tuple[Tensor, Tensor] | None,
    method: WritingMethod,
    longest: int | Tensor,
    first_symbol: int,
) -> WrittenText:
    """What a network makes of an encoding.

    Args:
        writer: the network, with `begin` and `write`.
        encoding: of B examples.
        symbols: what it writes with.
        truth: ids (B, U) and lengths (B,) of the texts that belong there, where they are known.
        method: how a text is read off.
        longest: symbols of a text written freely; for each example (B,), or for all.
        first_symbol: ids below it are reserved, and never written.
    """
    begun = writer.begin(encoding)
    answer = WrittenText(None, None)
    if truth is not None:
        ids, lengths = truth
        states, _, answer.weights = writer.write(symbols.read(symbols.started(ids)), begun)
        answer.scores, answer.goals = symbols.scores(states), what_follows(ids, lengths, symbols.end)
    if not writer.training:

        def step(ids: Tensor, state: Any) -> tuple[Tensor, Any]:
            states, state, _ = writer.write(symbols.read(ids), state)
            scores = symbols.scores(states[:, -1:]).squeeze(1)
            scores[:, :first_symbol] = -float("inf")
            return scores.log_softmax(dim=1), state

        texts = method(step, begun, len(encoding.states), symbols.start, symbols.end, longest)
        answer.ids, answer.log_probs = texts.ids, texts.log_probs
    return answer
