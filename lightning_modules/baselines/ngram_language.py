"""An n-gram language model: the classical method for text generation.

python scripts/train.py datamodule=names task=generation module=baseline/ngram_language
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import torch
from annotated_types import Ge
from torch import Tensor

from datamodules.base import SequenceDataModule
from datamodules.batching.batches import TokenBatch
from datamodules.text.vocabulary import Vocabulary
from lightning_modules.baselines.base import Baseline
from lightning_modules.tasks.generation.output import NextSymbols
from lightning_modules.tasks.generation.task import Generation
from lightning_modules.tasks.transcription.language_model import CharacterModel


class NgramLanguage(Baseline):
    """Probabilities of the next symbol from counts in the training split, smoothed (Witten-Bell; see `CharacterModel`).

    A text's class, where the task tells it, is the symbol before its first one.

    Args:
        task: what it is fitted for.
        order: symbols of a context and the next one together.
    """

    input_kind = "batch"
    task_class = Generation
    can_be_causal = True
    task: Generation
    table: Tensor
    following: Tensor

    def __init__(self, task: Generation, order: Annotated[int, Ge(2)] = 5) -> None:
        super().__init__(task)
        self.order = order
        num_classes = len(task.classes) if task.condition != "none" else 1
        self.starts = [f"\0start {kind}" for kind in range(num_classes)]
        symbols = task.eos_id + 1
        # (S, V + 1) log-probabilities and (S, V + 1 + starts) next states; state 0 knows nothing of what was before
        self.register_buffer("table", torch.zeros(1, symbols), persistent=False)
        self.register_buffer("following", torch.zeros(1, symbols + num_classes, dtype=torch.int32), persistent=False)

    def fit(self, datamodule: SequenceDataModule) -> None:
        vocabulary = self.task.vocabulary
        vocabulary = Vocabulary([*vocabulary.symbols, "\0end", *self.starts], vocabulary.reserved)
        model = CharacterModel(self._texts(datamodule), vocabulary, self.order)
        self.table = torch.from_numpy(model.table[:, : self.task.eos_id + 1].copy())
        self.following = torch.from_numpy(model.following)

    def _texts(self, datamodule: SequenceDataModule) -> Iterable[list[str]]:
        """The symbols of each training text, with a start (its class, perhaps) and an end where texts have ends."""
        task = self.task
        source, train = datamodule.source, datamodule.indices["train"]
        symbols = [*task.vocabulary.reserved, *task.vocabulary.symbols]
        classes = source.classes[train].tolist() if task.condition != "none" else [0] * len(train)
        rows = source.tokens[train].tolist(), source.lengths[train].tolist(), classes
        for ids, length, kind in zip(*rows):
            end = ["\0end"] if task.spec.whole else []
            yield [self.starts[kind], *(symbols[i] for i in ids[:length]), *end]

    def forward(self, batch: TokenBatch) -> NextSymbols:
        """The output of the task for a batch."""
        task = self.task
        targets = task.targets(batch)
        classes = batch.classes if task.condition != "none" else torch.zeros_like(batch.lengths)
        read = torch.cat([(task.eos_id + 1 + classes).unsqueeze(1), batch.tokens.long()], dim=1)  # (B, 1 + T)
        state = torch.zeros_like(read[:, 0])
        scores = []
        for step in range(targets.shape[1]):
            state = self.following[state, read[:, step]].long()
            scores.append(self.table[state])
        return NextSymbols(torch.stack(scores, dim=1), targets)

    def get_extra_state(self) -> dict[str, Any]:
        return {"table": self.table, "following": self.following}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        self.table, self.following = state["table"], state["following"]
