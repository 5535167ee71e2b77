"""How well texts are answered, against figures by hand."""

from __future__ import annotations

import pytest
import torch

from datamodules.batching.batches import PairBatch
from datamodules.text.codec import TextCodec
from datamodules.text.pairs import PairedTexts
from lightning_modules.tasks.autoregressive import Seq2SeqOutput
from lightning_modules.tasks.transduction.task import Transduction

CAT = ("the cat sat on the mat .", "the cat is on the mat .")
TRUTHS = [CAT, ("a dog barks at night .",), ("no more words here .",)]
ANSWERS = ["the cat sat on the mat .", "a dog sings at night .", "no more of this ."]


def test_metrics_by_hand() -> None:
    codec = TextCodec.fit([*ANSWERS, *sum(TRUTHS, ())], "nfc", "words", 50)
    task = Transduction(PairedTexts(codec, codec, 7))
    lengths = torch.tensor([3, 4, 3])
    batch = PairBatch(torch.zeros(3, 4, dtype=torch.int32), lengths, all_truths=lambda: TRUTHS)
    ids = [codec.encode([text])[0][0].tolist() for text in ANSWERS]
    output = Seq2SeqOutput(None, None, ids, [-1.0, -2.0, -3.0])
    metrics = task.metrics()
    metrics.update(output, batch)
    values = metrics.compute()
    characters = len(TRUTHS[0][0]) + len(TRUTHS[1][0]) + len(TRUTHS[2][0])
    # "barks" -> "sings": 4 characters, 1 word; "words here" -> "of this": 2 words
    from rapidfuzz.distance import Levenshtein

    wrong = sum(Levenshtein.distance(a, b[0]) for a, b in zip(ANSWERS, TRUTHS))
    assert values["exact_match"] == pytest.approx(1 / 3)
    assert values["cer"] == pytest.approx(wrong / characters)
    assert values["wer"] == pytest.approx(3 / (7 + 6 + 5))
    table = metrics.tables()["length of the source"]
    assert table == [{"tokens": 3, "texts": 2, "exact_match": 0.5}, {"tokens": 4, "texts": 1, "exact_match": 0.0}]
    columns = task.columns(output, batch)
    assert columns["exact"] == [1.0, 0.0, 0.0] and columns["target"][0] == TRUTHS[0][0]


def test_phoneme_error_rate_by_hand() -> None:
    letters = TextCodec.fit(["haus"], "nfc", "characters", 50)
    phonemes = TextCodec.fit(["h aU s t m l"], "nfc", "symbols", 50)
    task = Transduction(PairedTexts(letters, phonemes, 3))
    truths = [("h aU s",), ("m aU s", "m aU t")]
    batch = PairBatch(torch.zeros(2, 4, dtype=torch.int32), torch.tensor([4, 4]), all_truths=lambda: truths)
    ids = [phonemes.encode([text])[0][0].tolist() for text in ("h aU t", "m aU t")]
    metrics = task.metrics()
    metrics.update(Seq2SeqOutput(None, None, ids, [-1.0, -2.0]), batch)
    values = metrics.compute()
    assert set(values) == {"exact_match", "cer", "per"}
    assert values["per"] == pytest.approx(1 / 6)


def test_bleu_is_that_of_sacrebleu() -> None:
    sacrebleu = pytest.importorskip("sacrebleu")
    from lightning_modules.tasks.transduction.bleu import bleu, ngram_counts

    width = max(map(len, TRUTHS))
    streams = [[texts[i] if i < len(texts) else None for texts in TRUTHS] for i in range(width)]
    expected = sacrebleu.corpus_bleu(ANSWERS, streams).score
    assert bleu(ngram_counts(ANSWERS, TRUTHS)) == pytest.approx(expected, abs=1e-3)
    apart = [ngram_counts([answer], [texts]) for answer, texts in zip(ANSWERS, TRUTHS)]
    assert bleu([sum(column) for column in zip(*apart)]) == pytest.approx(expected, abs=1e-3)
