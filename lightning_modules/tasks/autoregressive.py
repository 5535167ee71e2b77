"""Outputs of networks with a decoder: teacher forcing where targets are known, decoding outside of training."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from lightning_modules.layers.encoding import Encoding
from lightning_modules.layers.symbols import Symbols, cross_entropy, next_token_targets
from lightning_modules.tasks.beam_search import GenerationConfig


@dataclass
class Seq2SeqOutput:
    """The output of a decoder for B examples.

    In training only `scores` of the target's symbols (teacher forcing); in evaluation also the decoded sequences.
    """

    scores: Tensor | None  # (B, U + 1, V + 1) float32; None where no target is known
    targets: Tensor | None  # (B, U + 1) int64
    ids: list[list[int]] = field(default_factory=list)
    log_probs: list[float] = field(default_factory=list)  # of each decoded sequence
    weights: Tensor | None = None  # (B, U + 1, T) attention to each source step, for each target symbol

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
    """Decode an encoding.

    Args:
        decoder: the network, with `init_decoder_state` and `decode_step`.
        encoding: of B examples.
        symbols: input and output layers of the decoder.
        truth: ids (B, U) and lengths (B,) of the targets, where they are known.
        method: greedy or beam search.
        longest: symbols of a decoded sequence; for each example (B,), or for all.
        first_symbol: ids below it are reserved, and never decoded.
    """
    state = decoder.init_decoder_state(encoding)
    output = Seq2SeqOutput(None, None)
    if truth is not None:
        ids, lengths = truth
        states, _, output.weights = decoder.decode_step(symbols.read(symbols.started(ids)), state)
        output.scores, output.targets = symbols.scores(states), next_token_targets(ids, lengths, symbols.eos_id)
    if not decoder.training:

        def step(ids: Tensor, before: Any) -> tuple[Tensor, Any]:
            states, after, _ = decoder.decode_step(symbols.read(ids), before)
            scores = symbols.scores(states[:, -1:]).squeeze(1)
            scores[:, :first_symbol] = -float("inf")
            return scores.log_softmax(dim=1), after

        decoded = method(step, state, len(encoding.states), symbols.bos_id, symbols.eos_id, longest)
        output.ids, output.log_probs = decoded.ids, decoded.log_probs
    return output
