"""CTC as a task: its loss, what it cannot learn, its metrics."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from datamodules.batching.batches import LineBatch
from datamodules.line_images.codec import LineCodec, codepoints, repeats
from datamodules.line_images.source import LineSource
from datamodules.line_images.spec import LineImageSpec
from lightning_modules.layers.encoding import Encoding
from lightning_modules.tasks.edit_distance import folded
from lightning_modules.tasks.transcription.output import Steps
from lightning_modules.tasks.transcription.task import Transcription

CODEC = LineCodec.of(["ab c"])


def task_of(**settings) -> Transcription:
    task = Transcription(LineImageSpec(CODEC, 32, 4000, "auto"), **settings)
    task.build("image", 6)
    return task


def batch_of(*texts: str) -> LineBatch:
    ids = [torch.from_numpy(CODEC.encode(text)).long() for text in texts]
    points = [torch.from_numpy(codepoints(text).copy()) for text in texts]
    lengths = torch.tensor([len(text) for text in texts])
    pad = torch.nn.utils.rnn.pad_sequence
    images = torch.zeros(len(texts), 1, 32, 40)
    return LineBatch(images, torch.full((len(texts),), 40), pad(ids, True), lengths, pad(points, True))


def random_steps(num_steps: int, num_lines: int, seed: int = 0) -> Steps:
    scores = torch.randn(num_steps, num_lines, len(CODEC.vocabulary), generator=torch.Generator().manual_seed(seed))
    return Steps(scores.log_softmax(2), torch.full((num_lines,), num_steps))


def saying(*texts: str) -> Steps:
    """Steps that read as these texts."""
    paths = [[symbol for i in CODEC.encode(text).tolist() for symbol in (i, 0)] for text in texts]
    longest = max(map(len, paths))
    log_probs = torch.full((longest, len(texts), len(CODEC.vocabulary)), -20.0)
    for line, path in enumerate(paths):
        log_probs[torch.arange(longest), line, path + [0] * (longest - len(path))] = 0.0
    return Steps(log_probs, torch.tensor([len(path) for path in paths]))


@settings(deadline=None, max_examples=25)
@given(text=st.text("ab", min_size=1, max_size=4), num_steps=st.integers(1, 5), seed=st.integers(0, 99))
def test_the_loss_and_feasibility_equal_all_paths_written_out(text: str, num_steps: int, seed: int) -> None:
    task, batch, output = task_of(), batch_of(text), random_steps(num_steps, 1, seed)
    target = CODEC.encode(text).tolist()
    total = 0.0
    for path in itertools.product(range(4), repeat=num_steps):  # blank, unknown, space and a are enough with b
        if [key for key, _ in itertools.groupby(path) if key] == target:
            total += math.exp(sum(output.log_probs[t, 0, symbol].item() for t, symbol in enumerate(path)))
    for path in itertools.product(sorted({0, *target}), repeat=num_steps):
        if max(path) > 3 and [key for key, _ in itertools.groupby(path) if key] == target:
            total += math.exp(sum(output.log_probs[t, 0, symbol].item() for t, symbol in enumerate(path)))
    feasible = total > 0
    assert feasible == (num_steps >= len(text) + repeats(text))
    metrics = task.metrics()
    metrics.update(output, batch)
    assert metrics.compute()["infeasible"] == (0 if feasible else 1)
    expected = -math.log(total) / len(text) if feasible else 0.0
    assert task.loss(output, batch).item() == pytest.approx(expected, rel=1e-4)


def test_a_line_that_cannot_be_learned_has_no_gradient_and_the_others_have() -> None:
    task, batch = task_of(), batch_of("abab", "a")
    states = torch.randn(2, 3, 6, requires_grad=True)
    task.loss(task.head(Encoding(states, torch.tensor([3, 3])), batch), batch).backward()
    assert states.grad is not None and states.grad.isfinite().all()
    assert states.grad[0].abs().max() == 0
    assert states.grad[1].abs().max() > 0


def test_scores_and_loss_stay_in_float32_under_mixed_precision() -> None:
    task, batch = task_of(), batch_of("ab", "a")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = task.head(Encoding(torch.randn(2, 5, 6), torch.tensor([5, 4])), None)
        loss = task.loss(output, batch)
    assert output.log_probs.dtype == loss.dtype == torch.float32
    assert output.log_probs.exp().sum(2).sub(1).abs().max() < 1e-5, "normalised after, not before, the cast"


def test_error_rates_are_pooled_over_all_lines() -> None:
    metrics = task_of().metrics()
    metrics.update(saying("ab c", "ab"), batch_of("ab c", "ac"))
    metrics.update(saying("c c"), batch_of("a b c"))
    values = metrics.compute()
    assert values["cer"] == pytest.approx((0 + 1 + 3) / (4 + 2 + 5))
    assert values["wer"] == pytest.approx((0 + 1 + 2) / (2 + 1 + 3))
    assert values["exact_match"] == pytest.approx(1 / 3)
    rows = metrics.tables()["most frequent edits"]
    assert {"stood there": "c", "was read": "b", "times": 1, "share": 0.25} in rows
    assert sum(row["times"] for row in rows) == 4
    assert metrics.figures()["lines"].axes


@pytest.mark.parametrize(
    ("fold", "expected"), [("none", "Don't, ÉTÉ 2"), ("case", "don't, été 2"), ("alphanumeric", "dontété2")]
)
def test_folding(fold, expected: str) -> None:
    assert folded("Don't, ÉTÉ 2", fold) == expected


def test_a_truth_with_characters_that_the_reader_does_not_know_counts_as_wrong() -> None:
    task, batch = task_of(), batch_of("aβ")
    assert task.truth(batch) == ["aβ"]
    output = saying("a")
    columns = task.columns(output, batch)
    assert columns == {
        "target": ["aβ"], "prediction": ["a"], "score": [0.5], "exact": [0.0],
        "edits": [1], "target_length": [2], "word_edits": [1], "target_words": [1],
    }  # fmt: skip


def test_confidence_is_the_probability_of_the_text_for_each_character() -> None:
    task = task_of()
    output = random_steps(4, 1)
    ((text, confidence),) = task.read_with_confidence(output)
    log_probability = -task.loss(output, batch_of(text)).item()
    assert confidence == pytest.approx(math.exp(log_probability), rel=1e-5)


HEBREW = LineCodec.of(["שלום 12 (abc)"])


def hebrew_task() -> Transcription:
    task = Transcription(LineImageSpec(HEBREW, 32, 4000, "auto", of_collection="rtl"))
    task.build("image", 6)
    return task


def test_ctc_learns_the_display_order_and_answers_in_reading_order() -> None:
    """The characters that stand leftmost in the image are learned and read off first."""
    text = "שלום 12 (abc)"
    task = hebrew_task()
    assert task.spec.display(text) == "(abc) 12 םולש"
    source = LineSource.of([np.zeros((32, 40), np.uint8)], [text], task.spec)
    row = torch.tensor([0])
    batch = source.collate(row, source.max_length(row))
    assert HEBREW.decode(batch.targets[0].tolist()) == text, "as it is typed: what a decoder writes"
    assert HEBREW.decode(batch.display_targets[0].tolist()) == task.spec.display(text)
    path = [symbol for i in HEBREW.encode(task.spec.display(text)).tolist() for symbol in (i, 0)]
    log_probs = torch.full((len(path), 1, len(HEBREW.vocabulary)), -20.0)
    log_probs[torch.arange(len(path)), 0, path] = 0.0
    output = Steps(log_probs, torch.tensor([len(path)]))
    assert task.read(output) == [text]
    assert task.loss(output, batch).item() == pytest.approx(0.0, abs=1e-3)
    assert task.truth(batch) == [text]
    ((found, confidence, places),) = task.read_characters(output)
    assert task.read_characters(output, places=False) == [(found, confidence, None)]
    assert (found, round(confidence, 3)) == (text, 1.0)
    assert [place.start for place in places][:4] == sorted((p.start for p in places[:4]), reverse=True), (
        "from the right"
    )


def test_lines_of_left_to_right_scripts_have_one_order() -> None:
    source = LineSource.of([np.zeros((32, 40), np.uint8)], ["ab c"], task_of().spec)
    assert source.display_targets is None


def test_an_empty_answer_to_every_line_is_explained_once(caplog: pytest.LogCaptureFixture) -> None:
    task = task_of()
    with caplog.at_level("WARNING"):
        for _ in range(2):
            metrics = task.metrics()
            metrics.update(saying("", ""), batch_of("ab", "c"))
            assert metrics.compute()["cer"] == 1.0
    assert caplog.text.count("CTC predicts nothing but blanks at first") == 1
    assert "init_from=starter" in caplog.text
