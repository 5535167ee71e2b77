"""Beam search and best path against all paths, written out."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from datamodules.text.vocabulary import Vocabulary
from lightning_modules.tasks.transcription.beam_search import Guidance, beam_search
from lightning_modules.tasks.transcription.best_path import best_path
from lightning_modules.tasks.transcription.language_model import CharacterModel


def collapsed(path: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(key for key, _ in itertools.groupby(path) if key)


def all_texts(log_probs: np.ndarray) -> dict[tuple[int, ...], float]:
    """Text -> log-probability of (T, C): the sum over every path."""
    probability: dict[tuple[int, ...], float] = defaultdict(float)
    for path in itertools.product(range(log_probs.shape[1]), repeat=len(log_probs)):
        probability[collapsed(path)] += math.exp(sum(log_probs[t, symbol] for t, symbol in enumerate(path)))
    return {text: math.log(p) for text, p in probability.items()}


def random_log_probs(seed: int, num_steps: int, num_lines: int, num_symbols: int, sharpness: float) -> np.ndarray:
    scores = np.random.default_rng(seed).normal(size=(num_steps, num_lines, num_symbols)) * sharpness
    return scores - np.log(np.exp(scores).sum(axis=2, keepdims=True))


def test_the_articles_example_where_the_best_path_is_wrong() -> None:
    log_probs = np.log(np.array([[[0.6, 0.4]], [[0.6, 0.4]]]))
    assert best_path(torch.tensor(log_probs), torch.tensor([2])) == [[]]
    (((ids, score), (empty, other)),) = beam_search(log_probs, np.array([2]), beam_width=2)
    assert (ids, empty) == ([1], [])
    assert math.exp(score) == pytest.approx(0.64)
    assert math.exp(other) == pytest.approx(0.36)


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 10**6),
    num_steps=st.integers(1, 5),
    num_symbols=st.integers(2, 4),
    sharpness=st.sampled_from([0.3, 1.0, 3.0]),
)
def test_a_wide_beam_finds_every_text_with_its_exact_probability(seed, num_steps, num_symbols, sharpness) -> None:
    log_probs = random_log_probs(seed, num_steps, 2, num_symbols, sharpness)
    lengths = np.array([num_steps, max(1, num_steps - 1)])
    found = beam_search(log_probs, lengths, beam_width=700, candidates=None)
    for line, texts in enumerate(found):
        expected = all_texts(log_probs[: lengths[line], line])
        assert len(texts) == len(expected), "every text once"
        for ids, score in texts:
            assert score == pytest.approx(expected[tuple(ids)], abs=1e-9)
        assert [score for _, score in texts] == sorted((score for _, score in texts), reverse=True)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10**6), weight=st.sampled_from([0.0, 0.7]), bonus=st.sampled_from([0.0, 0.5]))
def test_a_language_model_adds_its_weighted_log_probability(seed, weight, bonus) -> None:
    log_probs = random_log_probs(seed, 4, 1, 4, 1.0)
    model = CharacterModel(["abab", "aab"], Vocabulary("ab"), order=3)
    log_probs[:, :, 1] = -50.0  # the unknown character, which texts do not have
    guidance = Guidance(model, weight, bonus)
    ((best, *_),) = beam_search(log_probs, np.array([4]), beam_width=200, candidates=None, guidance=guidance)
    texts = all_texts(log_probs[:, 0])
    known = Vocabulary("ab")

    def guided(text: tuple[int, ...]) -> float:
        return texts[text] + weight * model.score("".join(known.decode(text))) + bonus * len(text)

    expected = max((text for text in texts if 1 not in text), key=guided)
    assert tuple(best[0]) == expected
    assert best[1] == pytest.approx(guided(expected), abs=1e-5)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10**6), sharpness=st.sampled_from([1.0, 4.0]))
def test_lines_are_searched_apart_from_one_another(seed, sharpness) -> None:
    log_probs = random_log_probs(seed, 12, 3, 6, sharpness)
    lengths = np.array([12, 5, 9])
    together = beam_search(log_probs, lengths, beam_width=4, candidates=3)
    for line in range(3):
        (((ids, score), *_),) = beam_search(log_probs[: lengths[line], line : line + 1], lengths[line : line + 1], 4, 3)
        assert together[line][0][0] == ids
        assert together[line][0][1] == pytest.approx(score)


def test_where_one_path_has_nearly_everything_all_ways_agree() -> None:
    log_probs = random_log_probs(3, 60, 5, 20, 30.0)
    lengths = np.array([60, 50, 40, 30, 20])
    greedy = best_path(torch.tensor(log_probs), torch.tensor(lengths))
    assert [texts[0][0] for texts in beam_search(log_probs, lengths, beam_width=5)] == greedy


def test_best_path_merges_repeats_and_drops_blanks() -> None:
    path = [0, 1, 1, 0, 1, 2, 2, 0, 0, 3]
    log_probs = torch.full((10, 2, 4), -9.0)
    log_probs[torch.arange(10), :, path] = 0.0
    assert best_path(log_probs, torch.tensor([10, 5])) == [[1, 1, 2, 3], [1, 1]]
