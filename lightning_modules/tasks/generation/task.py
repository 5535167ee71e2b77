"""Language models: the next symbol of a text, over all texts or conditioned on a class."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, Literal

import numpy as np
import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor, nn

from datamodules.batching.batches import TokenBatch
from datamodules.errors import BadInput
from datamodules.text.spec import LabelledText, UnlabelledText
from lightning_modules.layers.embedding import TokenDropout
from lightning_modules.layers.encoding import Encoding
from lightning_modules.layers.symbols import (
    IGNORE_INDEX,
    Symbols,
    cross_entropy,
    log_likelihood,
    next_token_targets,
    num_targets,
)
from lightning_modules.tasks.base import Task
from lightning_modules.tasks.generation.output import NextSymbols
from lightning_modules.tasks.generation.sampling import Sampling, sample

SAMPLES = 6  # texts of each class in a figure
LONGEST_SAMPLE = 60  # symbols


class Generation(Task):
    """The next symbol after each beginning of a text; the output is `NextSymbols`.

    Args:
        spec: vocabulary of the texts, and their classes if they have some.
        condition: how the class of a text enters the network: `first`: as the step before the first symbol; `every`:
            beside every symbol; `none`.  `first` where texts have classes, when absent.
        embedding_size: features of a symbol (and of a class).
        token_dropout: share of the tokens that are replaced by the unknown one in training; see `TokenDropout`.
        input_dropout: of the features of each step.
        output_dropout: of the states.
        label_smoothing: share of each target that is spread over all symbols.
    """

    batch_type = TokenBatch
    input_kinds = frozenset({"steps"})
    spec_classes = (LabelledText, UnlabelledText)
    predictor = "scripts.predict.generation"
    causal = True
    monitor = "loss"
    mode = "min"

    def __init__(
        self,
        spec: LabelledText | UnlabelledText,
        condition: Literal["none", "first", "every"] | None = None,
        embedding_size: Annotated[int, Gt(0)] = 64,
        token_dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
        input_dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
        output_dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
        label_smoothing: Annotated[float, Ge(0), Lt(1)] = 0.0,
    ) -> None:
        super().__init__(spec)
        self.classes = spec.classes
        self.vocabulary = spec.codec.vocabulary
        self.eos_id = len(self.vocabulary)  # the id of a text's end
        if condition not in (None, "none") and not self.classes:
            raise BadInput(f"task.condition={condition}: these texts have no classes; none is accepted")
        self.condition = condition or ("first" if self.classes else "none")
        self.embedding_size = embedding_size
        self.token_dropout = TokenDropout(token_dropout, self.vocabulary.unknown)
        self.dropouts = input_dropout, output_dropout
        self.label_smoothing = label_smoothing
        self.training_hashes = torch.zeros(0, dtype=torch.int64)  # rising hashes of the texts it was trained on

    @property
    def input_size(self) -> int:
        return self.embedding_size * (2 if self.condition == "every" else 1)

    def build(self, input_kind: str, encoding_size: int) -> None:
        self.symbols = Symbols(len(self.vocabulary), self.embedding_size, encoding_size, *self.dropouts)
        conditioned = self.condition != "none"
        self.class_embedding = nn.Embedding(len(self.classes), self.embedding_size) if conditioned else None

    def embed(self, batch: TokenBatch) -> Tensor:
        """(B, T, D): a start and the text; of a text that has no end, but for its last symbol."""
        tokens = batch.tokens if self.spec.whole else batch.tokens[:, :-1]
        steps = self.symbols.read(self.symbols.started(self.token_dropout(tokens)))
        if self.class_embedding is None:
            return steps
        assert batch.classes is not None
        classes = self.class_embedding(batch.classes).unsqueeze(1)  # (B, 1, E)
        if self.condition == "first":
            return torch.cat([classes, steps[:, 1:]], dim=1)
        return torch.cat([steps, classes.expand(-1, steps.shape[1], -1)], dim=2)

    def lengths(self, batch: TokenBatch) -> Tensor:
        return batch.lengths + 1 if self.spec.whole else batch.lengths

    def head(self, encoding: Encoding, batch: TokenBatch) -> NextSymbols:
        return NextSymbols(self.symbols.scores(encoding.states), self.targets(batch))

    def targets(self, batch: TokenBatch) -> Tensor:
        """(B, T) next-token targets of the steps of `embed`, IGNORE_INDEX where a text is padded."""
        targets = next_token_targets(batch.tokens, batch.lengths, self.eos_id)
        if not self.spec.whole:  # a stretch of a longer text: what follows it is not known
            targets = targets[:, :-1].masked_fill(targets[:, :-1] == self.eos_id, IGNORE_INDEX)
        return targets

    def pool(self, encoding: Encoding) -> Tensor:
        raise BadInput("module.combine=join: task=generation has an output for every step; average is accepted")

    def average(self, outputs: list[NextSymbols]) -> NextSymbols:
        scores = torch.stack([output.scores.log_softmax(dim=2) for output in outputs]).mean(dim=0)
        return NextSymbols(scores, outputs[0].targets)

    def remove_head(self) -> None:
        self.symbols = None  # type: ignore[assignment]
        self.class_embedding = None

    def loss(self, output: NextSymbols, batch: TokenBatch) -> Tensor:
        """Nats a symbol, ends of texts among them."""
        return cross_entropy(output.scores, output.targets, self.label_smoothing)

    def example_weights(self, examples: TokenBatch) -> Tensor:
        return num_targets(examples.lengths) if self.spec.whole else examples.lengths

    @classmethod
    def metrics_class(cls) -> type[nn.Module]:
        from lightning_modules.tasks.generation.metrics import (
            GenerationMetrics,  # torchmetrics is not needed to predict
        )

        return GenerationMetrics

    def metrics(self) -> nn.Module:
        return self.metrics_class()(self.classes, of_characters=self.spec.codec.tokens == "characters")

    def columns(self, output: NextSymbols, batch: TokenBatch) -> dict[str, Any]:
        codec = self.spec.codec
        total = log_likelihood(output.scores, output.targets)
        counts = (output.targets != IGNORE_INDEX).sum(dim=1)
        guesses = output.scores.argmax(dim=2).masked_fill(output.targets == IGNORE_INDEX, 0)
        return {
            "target": [codec.decode(row) for row in batch.tokens.tolist()],
            "prediction": [codec.decode(i for i in row if i != self.eos_id) for row in guesses.tolist()],
            "score": (total / counts).tolist(),
            "log_prob": total.tolist(),
            "num_symbols": counts.tolist(),
        }

    # ------------------------------------------------------------------ sampling

    def batch(self, normalized_texts: Sequence[str], label: str | None = None) -> TokenBatch:
        """Texts as the network reads them, of one class where the task is conditioned."""
        tokens, lengths = (torch.from_numpy(array) for array in self.spec.codec.encode(normalized_texts))
        if not self.spec.whole:  # `embed` leaves the last symbol out, which a stretch of training has as a target
            tokens, lengths = torch.nn.functional.pad(tokens, (0, 1)), lengths + 1
        classes = None if label is None else torch.full((len(lengths),), self.classes.index(label))
        return TokenBatch(tokens, lengths, classes)

    def generate(
        self,
        module: Callable[[TokenBatch], NextSymbols],
        beginnings: Sequence[str],
        labels: Sequence[str] | None = None,
        sampling: Sampling | None = None,
        longest: int = 100,
        generator: torch.Generator | None = None,
    ) -> list[str]:
        """Texts that continue the beginnings, each of the class `labels` names where the task is conditioned.

        Args:
            module: the network whose task this is.
            beginnings: what each text begins with, normalised; may be empty.
            labels: a class for each, or None.
            sampling: how symbols are drawn.
            longest: symbols of a text.
            generator: of the draws.
        """
        codec = self.spec.codec
        device = next((parameter.device for parameter in self.parameters()), torch.device("cpu"))
        classes = None
        if self.condition != "none":
            assert labels is not None
            classes = torch.tensor([self.classes.index(label) for label in labels], device=device)
        generated = [""] * len(beginnings)
        ids, lengths = codec.encode(beginnings)
        for length in sorted(set(lengths.tolist())):  # of one length: no padding inside
            rows = np.flatnonzero(lengths == length)
            of_rows = None if classes is None else classes[torch.from_numpy(rows).to(device)]
            beginning = torch.from_numpy(ids[rows, :length]).to(device)
            scores_of = self._next_scores(module, of_rows)
            texts = sample(scores_of, beginning, sampling or Sampling(), self.eos_id, longest, generator)
            for row, text in zip(rows, texts):
                generated[row] = codec.decode(text)
        return generated

    def _next_scores(self, module: Callable, classes: Tensor | None) -> Callable[[Tensor], Tensor]:
        def scores_of(ids: Tensor) -> Tensor:
            """(B, T) -> (B, V + 1); reserved symbols are never drawn."""
            shown = ids if self.spec.whole else torch.nn.functional.pad(ids, (0, 1))
            lengths = torch.full((len(ids),), shown.shape[1], device=ids.device)
            scores = module(TokenBatch(shown, lengths, classes)).scores[:, -1].clone()
            scores[:, : len(self.vocabulary.reserved)] = -torch.inf
            if not self.spec.whole:
                scores[:, self.eos_id] = -torch.inf
            return scores

        return scores_of

    def figures(self, module: Any) -> dict[str, Callable[[], Any]]:
        from lightning_modules.tasks.generation.figures import texts_figure

        def samples() -> Any:
            labels = None
            if self.condition != "none":
                labels = [name for name in self.classes for _ in range(SAMPLES)]
            count = len(labels) if labels else 8 * SAMPLES if self.spec.whole else 1
            generator = torch.Generator(module.device).manual_seed(0)
            was_training = module.training
            module.eval()
            with torch.inference_mode():
                longest = LONGEST_SAMPLE if self.spec.whole else 5 * LONGEST_SAMPLE
                texts = self.generate(module, [""] * count, labels, None, longest, generator)
            module.train(was_training)
            return texts_figure(texts, labels)

        return {"samples": samples}

    # ------------------------------------------------------------------ known texts

    def on_data_ready(self, module: Any, datamodule: Any) -> None:
        """Store hashes of the training texts, so that generated texts that are copies can be counted."""
        if self.spec.whole:
            texts = datamodule.example_columns(datamodule.indices["train"])["text"]
            self.training_hashes = hashes(texts).unique(sorted=True)

    def is_copy(self, texts: Sequence[str]) -> list[bool]:
        """Whether each text is one that it was trained on."""
        return torch.isin(hashes(texts), self.training_hashes).tolist()

    def get_extra_state(self) -> Tensor:
        return self.training_hashes

    def set_extra_state(self, state: Tensor) -> None:
        self.training_hashes = state.cpu()


def hashes(texts: Iterable[str]) -> Tensor:
    """(N,) int64, of each text."""
    digests = b"".join(hashlib.blake2b(text.encode(), digest_size=8).digest() for text in texts)
    return torch.from_numpy(np.frombuffer(digests, dtype=np.int64).copy())
