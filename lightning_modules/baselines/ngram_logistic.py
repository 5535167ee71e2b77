"""Logistic regression on the counts of n-grams: the strong classical method for short texts.

python scripts/train.py datamodule=names module=baseline/ngram_logistic        # needs the extra: baselines
python scripts/train.py datamodule=texts datamodule.data_dir=FILE datamodule.tokens=words \
    module=baseline/ngram_logistic module.naive_bayes=true
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
import torch
from annotated_types import Gt
from torch import Tensor

from datamodules.base import SequenceDataModule
from datamodules.batching.batches import TokenBatch
from datamodules.errors import BadInput
from lightning_modules.baselines.base import Baseline
from lightning_modules.tasks.classification.task import Classification

LONGEST = {"characters": 5, "words": 2}  # n-grams, where the configuration does not say


class NgramLogistic(Baseline):
    """scikit-learn's logistic regression on n-grams of 1 to `max_n` characters of `^text$`, or words; lower case.

    Args:
        task: what it is fitted for.
        max_n: longest n-grams; 5 characters or 2 words when None.
        inverse_regularization: C of scikit-learn; larger fits closer.
        max_iterations: of the solver.
        unit: n-grams of characters or of words; `auto`: of the data's tokens.
        naive_bayes: weigh the presence of each n-gram by its log-count ratio, one class against the others (NB-weighted
            features, Wang and Manning 2012), in place of its count.
    """

    input_kind = "tokens"
    task_class = Classification
    weight: Tensor
    bias: Tensor

    def __init__(
        self,
        task: Classification,
        max_n: Annotated[int, Gt(0)] | None = 5,
        inverse_regularization: Annotated[float, Gt(0)] = 1.0,
        max_iterations: Annotated[int, Gt(0)] = 200,
        unit: Literal["auto", "characters", "words"] = "characters",
        naive_bayes: bool = False,
    ) -> None:
        super().__init__(task)
        self.codec = task.spec.codec
        if unit == "auto":
            unit = "characters" if self.codec.tokens == "characters" else "words"
        self.unit = unit
        self.max_n = max_n or LONGEST[unit]
        self.inverse_regularization = inverse_regularization
        self.max_iterations = max_iterations
        self.naive_bayes = naive_bayes
        self.columns_of: dict[str, int] = {}  # n-gram -> its column
        self.register_buffer("weight", torch.zeros(0, len(task.classes)))
        self.register_buffer("bias", torch.zeros(len(task.classes)))

    def fit(self, datamodule: SequenceDataModule) -> None:
        try:
            from scipy.sparse import csr_matrix
        except ImportError:
            raise BadInput("module=baseline/ngram_logistic needs scikit-learn: pip install scikit-learn") from None
        source, train = datamodule.source, datamodule.indices["train"]
        texts = self._texts(source.tokens[train], source.lengths[train])
        self.columns_of = {gram: i for i, gram in enumerate(sorted({g for text in texts for g in self.ngrams(text)}))}
        rows, columns = self._positions(texts)
        counts = csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(texts), len(self.columns_of)))
        classes = source.classes[train].numpy()
        labels = np.unique(classes)  # a class may have no training text
        weight, bias = (self._naive_bayes if self.naive_bayes else self._multinomial)(counts, classes, labels)
        num_classes = len(self.bias)
        full = torch.zeros(len(self.columns_of), num_classes)
        full[:, labels] = torch.tensor(weight.T, dtype=torch.float32)
        self.weight = full
        self.bias = torch.full((num_classes,), -torch.inf)
        self.bias[labels] = torch.tensor(bias, dtype=torch.float32)

    def _multinomial(self, counts: Any, classes: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weights (K, F) and biases (K,) of the K classes that occur."""
        return _both_rows(*self._regression(counts, classes)) if len(labels) == 2 else self._regression(counts, classes)

    def _naive_bayes(self, counts: Any, classes: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The same, one regression a class against the others, each n-gram scaled by its log-count ratio for it."""
        present = (counts > 0).astype(np.float64)
        weights, biases = [], []
        for label in labels[1:] if len(labels) == 2 else labels:
            inside = classes == label
            p, q = (1 + np.asarray(present[rows].sum(axis=0)).ravel() for rows in (inside, ~inside))
            ratio = np.log((p / p.sum()) / (q / q.sum()))
            weight, bias = self._regression(present.multiply(ratio).tocsr(), inside)
            weights.append(weight[0] * ratio)
            biases.append(bias[0])
        weight, bias = np.stack(weights), np.array(biases)
        return _both_rows(weight, bias) if len(labels) == 2 else (weight, bias)

    def _regression(self, features: Any, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(C=self.inverse_regularization, max_iter=self.max_iterations, tol=1e-3)
        model.fit(features, targets)
        return model.coef_, model.intercept_

    def forward(self, batch: TokenBatch) -> Tensor:
        texts = self._texts(batch.tokens, batch.lengths)
        rows, columns = self._positions(texts)
        if self.naive_bayes:
            pairs = sorted(set(zip(rows, columns)))
            rows, columns = [row for row, _ in pairs], [column for _, column in pairs]
        at = [torch.tensor(positions, device=self.weight.device, dtype=torch.int64) for positions in (rows, columns)]
        scores = self.bias.repeat(len(texts), 1)
        return scores.index_add_(0, at[0], self.weight[at[1]])  # (B, C)

    def ngrams(self, text: str) -> list[str]:
        """The n-grams of a text, each as often as it occurs."""
        units = f"^{text.lower()}$" if self.unit == "characters" else text.lower().split()
        joint = "" if self.unit == "characters" else " "
        return [joint.join(units[i : i + n]) for n in range(1, self.max_n + 1) for i in range(len(units) - n + 1)]

    def get_extra_state(self) -> dict[str, Any]:
        return {"columns_of": self.columns_of}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        self.columns_of = state["columns_of"]

    def _load_from_state_dict(self, state: dict[str, Any], prefix: str, *args: Any) -> None:
        self.weight = torch.zeros_like(state[f"{prefix}weight"])  # its size came with the training split
        super()._load_from_state_dict(state, prefix, *args)

    def _texts(self, tokens: Tensor, lengths: Tensor) -> list[str]:
        return [self.codec.decode(row[:n]) for row, n in zip(tokens.tolist(), lengths.tolist())]

    def _positions(self, texts: list[str]) -> tuple[list[int], list[int]]:
        """Row and column of every known n-gram of the texts."""
        rows, columns = [], []
        for row, text in enumerate(texts):
            of_text = [self.columns_of[gram] for gram in self.ngrams(text) if gram in self.columns_of]
            rows += [row] * len(of_text)
            columns += of_text
        return rows, columns


def _both_rows(weight: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """scikit-learn keeps one row of two classes, that of the second: half of it for each, with opposite signs."""
    return np.stack([-weight[0], weight[0]]) / 2, np.array([-bias[0], bias[0]]) / 2
