"""Logistic regression on the counts of character n-grams: the strong classical method for short texts.

python scripts/train.py datamodule=names module=baseline/ngram_logistic        # needs the extra: baselines
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Gt
from torch import Tensor

from datamodules.base import SequenceDataModule
from datamodules.batching.batches import TokenBatch
from datamodules.errors import BadInput
from lightning_modules.baselines.base import Baseline
from lightning_modules.tasks.classification.task import Classification


class NgramLogistic(Baseline):
    """scikit-learn's multinomial logistic regression on n-grams of 1 to `max_n` characters of `^text$`, lower case.

    Args:
        task: what it is fitted for.
        max_n: longest n-grams.
        inverse_regularization: C of scikit-learn; larger fits closer.
        max_iterations: of the solver.
    """

    input_kind = "tokens"
    task_class = Classification
    weight: Tensor
    bias: Tensor

    def __init__(
        self,
        task: Classification,
        max_n: Annotated[int, Gt(0)] = 5,
        inverse_regularization: Annotated[float, Gt(0)] = 1.0,
        max_iterations: Annotated[int, Gt(0)] = 200,
    ) -> None:
        super().__init__(task)
        self.max_n = max_n
        self.inverse_regularization = inverse_regularization
        self.max_iterations = max_iterations
        self.codec = task.spec.codec
        self.columns_of: dict[str, int] = {}  # n-gram -> its column
        self.register_buffer("weight", torch.zeros(0, len(task.classes)))
        self.register_buffer("bias", torch.zeros(len(task.classes)))

    def fit(self, datamodule: SequenceDataModule) -> None:
        try:
            from scipy.sparse import csr_matrix
            from sklearn.linear_model import LogisticRegression
        except ImportError:
            raise BadInput("module=baseline/ngram_logistic needs scikit-learn: pip install scikit-learn") from None
        source, train = datamodule.source, datamodule.indices["train"]
        texts = self._texts(source.tokens[train], source.lengths[train])
        self.columns_of = {gram: i for i, gram in enumerate(sorted({g for text in texts for g in self.ngrams(text)}))}
        rows, columns = self._positions(texts)
        counts = csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(texts), len(self.columns_of)))
        classes = source.classes[train].numpy()
        model = LogisticRegression(C=self.inverse_regularization, max_iter=self.max_iterations, tol=1e-3)
        model.fit(counts, classes)
        weight, bias = model.coef_, model.intercept_
        if len(model.classes_) == 2:  # scikit-learn keeps one row then, for the second class
            weight, bias = np.stack([-weight[0], weight[0]]) / 2, np.array([-bias[0], bias[0]]) / 2
        classes_known: list[str] = self.task.classes  # type: ignore[assignment]
        full = torch.zeros(len(self.columns_of), len(classes_known))
        full[:, model.classes_] = torch.tensor(weight.T, dtype=torch.float32)
        self.weight = full
        self.bias = torch.full_like(self.bias, -torch.inf)
        self.bias[model.classes_] = torch.tensor(bias, dtype=torch.float32)

    def forward(self, batch: TokenBatch) -> Tensor:
        texts = self._texts(batch.tokens, batch.lengths)
        rows, columns = (torch.tensor(p, device=self.weight.device, dtype=torch.int64) for p in self._positions(texts))
        scores = self.bias.repeat(len(texts), 1)
        return scores.index_add_(0, rows, self.weight[columns])  # (B, C)

    def ngrams(self, text: str) -> list[str]:
        marked = f"^{text.lower()}$"
        return [marked[i : i + n] for n in range(1, self.max_n + 1) for i in range(len(marked) - n + 1)]

    def get_extra_state(self) -> dict[str, Any]:
        return {"columns_of": self.columns_of}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        self.columns_of = state["columns_of"]

    def _load_from_state_dict(self, state: dict[str, Any], prefix: str, *rest: Any) -> None:
        self.weight = torch.zeros_like(state[f"{prefix}weight"])  # its size came with the training part
        super()._load_from_state_dict(state, prefix, *rest)

    def _texts(self, tokens: Tensor, lengths: Tensor) -> list[str]:
        return [self.codec.decode(row[:n]) for row, n in zip(tokens.tolist(), lengths.tolist())]

    def _positions(self, texts: list[str]) -> tuple[list[int], list[int]]:
        """Row and column of every known n-gram of the texts."""
        rows, columns = [], []
        for row, text in enumerate(texts):
            known = [self.columns_of[gram] for gram in self.ngrams(text) if gram in self.columns_of]
            rows += [row] * len(known)
            columns += known
        return rows, columns
