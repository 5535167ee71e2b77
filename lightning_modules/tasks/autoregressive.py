"""Texts as answers of a network that autoregressive: taught with the truth, then written freely."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from lightning_modules.layers.encoding import Encoding
from lightning_modules.layers.symbols import Symbols, cross_entropy, next_token_targets
from lightning_modules.tasks.beam_search import GenerationConfig


@dataclass
class Seq2SeqOutput:
    """What a network decodes of each example.

    While it learns, only what it is taught: `scores` of the symbols of the truth.  Later also the texts that it
    decodes by itself.
    """

    scores: Tensor | None  # (B, U + 1, V + 1) float32; None where no truth is known
    targets: Tensor | None  # (B, U + 1) int64
    ids: list[list[int]] = field(default_factory=list)
    log_probs: list[float] = field(default_factory=list)  # of each text written
    weights: Tensor | None = None  # (B, U + 1, T) of each step that was read, for each symbol of the truth

    def __len__(self) -> int:
        return len(self.ids) if self.scores is None else len(self.scores)

    def loss(self, label_smoothing: float = 0.0) -> Tensor:
        """Nats a symbol, ends of texts among them."""
        assert self.scores is not None and self.targets is not None
        return cross_entropy(self.scores, self.targets, label_smoothing)


def generate(
    decoder: Any,
    encoding: Encoding,
    symbols: Symbols,
    truth: tuple[Tensor, Tensor] | None,
    method: GenerationConfig,
    longest: int | Tensor,
    first_symbol: int,
) -> Seq2SeqOutput:
    """What a network makes of an encoding.

    Args:
        decoder: the network, with `init_decoder_state` and `decode_step`.
        encoding: of B examples.
        symbols: what it decodes with.
        truth: ids (B, U) and lengths (B,) of the texts that belong there, where they are known.
        method: how a text is read off.
        longest: symbols of a text written freely; for each example (B,), or for all.
        first_symbol: ids below it are reserved, and never written.
    """
    begun = decoder.init_decoder_state(encoding)
    answer = Seq2SeqOutput(None, None)
    if truth is not None:
        ids, lengths = truth
        states, _, answer.weights = decoder.decode_step(symbols.read(symbols.started(ids)), begun)
        answer.scores, answer.targets = symbols.scores(states), next_token_targets(ids, lengths, symbols.eos_id)
    if not decoder.training:

        def step(ids: Tensor, state: Any) -> tuple[Tensor, Any]:
            states, state, _ = decoder.decode_step(symbols.read(ids), state)
            scores = symbols.scores(states[:, -1:]).squeeze(1)
            scores[:, :first_symbol] = -float("inf")
            return scores.log_softmax(dim=1), state

        texts = method(step, begun, len(encoding.states), symbols.bos_id, symbols.eos_id, longest)
        answer.ids, answer.log_probs = texts.ids, texts.log_probs
    return answer
