"""A bag of n-grams: the mean of their embeddings (fastText, Joulin et al. 2017).

python scripts/train.py datamodule=names module=bag                       # n-grams of 1 to 5 characters
python scripts/train.py datamodule=names module=bag module.max_n=1        # the smallest network
"""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor, nn
from torch.nn import functional

from datamodules.errors import BadInput
from datamodules.text.vocabulary import Vocabulary
from lightning_modules.base import SequenceModule
from lightning_modules.layers.encoding import Encoding, valid_steps
from lightning_modules.tasks.base import Task

MULTIPLIER = 1_000_003  # of the rolling hash; prime, and larger than any vocabulary


class Bag(SequenceModule):
    """Single tokens have an embedding each; longer n-grams, marked at the text's ends, share hashed ones.

    Args:
        task: what it is trained for.
        hidden_size: features of an embedding.
        max_n: longest n-grams; 1 for the mean of token embeddings.
        num_buckets: embeddings that the n-grams of two tokens and more share.
        dropout: share of a text's n-grams left out at each step of training.
        fold_case: n-grams of two tokens and more do not tell capital from small letters.
    """

    input_kind = "tokens"
    folding: Tensor

    def __init__(
        self,
        task: Task,
        hidden_size: Annotated[int, Gt(0)] = 64,
        max_n: Annotated[int, Gt(0)] = 5,
        num_buckets: Annotated[int, Gt(0)] = 65536,
        dropout: Annotated[float, Ge(0), Lt(1)] = 0.3,
        fold_case: bool = True,
    ) -> None:
        super().__init__(task, encoding_size=hidden_size)
        self.max_n = max_n
        self.num_buckets = num_buckets
        self.dropout = dropout
        vocabulary: Vocabulary = task.vocabulary  # type: ignore[assignment]
        self.num_tokens = len(vocabulary)
        rows = self.num_tokens + (num_buckets if max_n > 1 else 0)
        self.embedding = nn.EmbeddingBag(rows, hidden_size, mode="sum", padding_idx=0)
        nn.init.uniform_(self.embedding.weight, -1 / hidden_size, 1 / hidden_size)
        with torch.no_grad():
            self.embedding.weight[0].zero_()  # of padding; it stays zero
        lower = {i: s.lower() for i, s in enumerate(vocabulary.symbols, len(vocabulary.reserved)) if fold_case}
        folded = [vocabulary.id_of(lower[i]) if lower.get(i) in vocabulary else i for i in range(self.num_tokens)]
        self.register_buffer("folding", torch.tensor(folded), persistent=False)

    def encode(self, x: Tensor, lengths: Tensor | None) -> Encoding:
        """x (B, T) token ids -> one state (B, 1, H), which is also the summary."""
        if lengths is None:
            raise BadInput("module=bag reads texts; lengths are missing")
        ids = self.ngrams(x, lengths)  # (B, G), 0 where there is none
        if self.training and self.dropout > 0:
            ids = ids * (torch.rand(ids.shape, device=ids.device) >= self.dropout)
        count = (ids > 0).sum(dim=1, keepdim=True).clamp(min=1)
        mean = self.embedding(ids) / count  # (B, H)
        return Encoding(mean.unsqueeze(1), None, mean)

    def ngrams(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """(B, G) embedding numbers of each text's n-grams, 0 for padding."""
        if self.max_n == 1:
            return tokens
        marked = functional.pad(self.folding[tokens.long()], (1, 1))  # a boundary mark, id 0, at both ends
        groups = [tokens.long()]
        hashed = marked
        for n in range(2, self.max_n + 1):
            if marked.shape[1] < n:
                break
            hashed = hashed[:, :-1] * MULTIPLIER + marked[:, n - 1 :] + n
            inside = valid_steps(lengths + 3 - n, hashed)  # the last n-gram ends with the closing mark
            groups.append((hashed % self.num_buckets + self.num_tokens) * inside)
        return torch.cat(groups, dim=1)
