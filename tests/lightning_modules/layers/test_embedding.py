from __future__ import annotations

import torch

from lightning_modules.layers.embedding import WORD_STD, TokenDropout, shrink


def test_the_share_of_unknown_tokens_is_as_told_and_padding_stays() -> None:
    torch.manual_seed(0)
    ids = torch.randint(2, 50, (200, 100), dtype=torch.int32)
    ids[:, 80:] = 0
    dropout = TokenDropout(0.1, unknown_id=1)
    dropped = dropout(ids)
    assert abs((dropped[:, :80] == 1).float().mean().item() - 0.1) < 0.01
    assert (dropped[:, 80:] == 0).all() and dropped.dtype == ids.dtype
    assert torch.equal(dropped[dropped != 1], ids[dropped != 1])
    assert dropout.eval()(ids) is ids and TokenDropout(0.0, 1)(ids) is ids


def test_embeddings_of_words_begin_small_and_padding_stays_zero() -> None:
    torch.manual_seed(0)
    table = torch.nn.Embedding(500, 64, padding_idx=0)
    shrink(table)
    assert abs(table.weight[1:].std().item() - WORD_STD) < 0.01
    assert (table.weight[0] == 0).all()
