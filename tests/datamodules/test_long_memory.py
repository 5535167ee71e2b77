from __future__ import annotations

import torch

from datamodules.long_memory import LongMemory
from datamodules.specs import from_dict, to_dict


def made(**settings) -> LongMemory:
    datamodule = LongMemory(**{"length": 9, "num_examples": 400, **settings})
    datamodule.setup()
    return datamodule


def test_the_first_symbol_is_the_class_and_the_others_say_nothing() -> None:
    datamodule = made(num_classes=3, num_noise_symbols=5)
    assert datamodule.spec.classes == ("A", "B", "C")
    everything = datamodule.split_indices("all")
    assert sorted(everything.tolist()) == list(range(400))
    batch = datamodule.source.collate(everything, datamodule.source.max_length(everything))
    texts = datamodule.example_columns(everything)["text"]
    assert batch.tokens.shape == (400, 9)
    assert batch.lengths.tolist() == [9] * 400
    for text, tokens, number in zip(texts, batch.tokens.tolist(), batch.classes.tolist()):
        assert datamodule.spec.codec.decode(tokens) == text
        assert text[0] == "ABC"[number]
        assert set(text[1:]) <= set("abcde")
    counts = torch.bincount(batch.classes[: len(datamodule.indices["train"])], minlength=3)
    assert tuple(counts.tolist()) == datamodule.spec.class_counts


def test_data_follow_from_their_own_seed() -> None:
    assert made().fingerprint == made(seed=5).fingerprint
    assert made().fingerprint != made(data_seed=1).fingerprint
    assert {split: len(rows) for split, rows in made().indices.items()} == {"train": 320, "val": 40, "test": 40}


def test_the_description_survives_a_checkpoint() -> None:
    datamodule = made()
    again = from_dict(to_dict(datamodule.spec), [type(datamodule.spec)])
    assert again.codec.encode(["Aabc"])[0].tolist() == datamodule.spec.codec.encode(["Aabc"])[0].tolist()
