"""The classical method: n-grams of characters and words, and NB-weighted features against their slow definition."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from datamodules.texts import Texts
from lightning_modules.baselines.ngram_logistic import NgramLogistic
from lightning_modules.tasks.classification.task import Classification

linear_model = pytest.importorskip("sklearn.linear_model", reason="the extra `baselines` is not installed")

ROWS = [(f"{'good fine' if i % 2 else 'bad dull'} film w{i % 7} , the end", "np"[i % 2]) for i in range(40)]


@pytest.fixture
def data(tmp_path) -> Texts:
    path = tmp_path / "t.csv"
    path.write_text("text,label\n" + "".join(f'"{text} {i}",{label}\n' for i, (text, label) in enumerate(ROWS)))
    loaded = Texts(str(path), tokens="words", min_count=1)
    loaded.setup()
    return loaded


def fitted(data: Texts, **settings) -> NgramLogistic:
    module = NgramLogistic(Classification(data.spec), **settings)
    module.fit(data)
    return module


def test_ngrams_of_words_and_of_characters(data: Texts) -> None:
    words = fitted(data, unit="auto", max_n=None)
    assert words.ngrams("Good film !") == ["good", "film", "!", "good film", "film !"]
    assert fitted(data, max_n=2).ngrams("ab") == ["^", "a", "b", "$", "^a", "ab", "b$"]


def test_naive_bayes_weights_are_those_of_wang_and_manning(data: Texts) -> None:
    module = fitted(data, unit="words", max_n=1, naive_bayes=True)
    train = data.indices["train"]
    texts = [data._texts[i].lower().split() for i in train.tolist()]
    vocabulary = sorted({word for text in texts for word in text})
    present = np.array([[word in text for word in vocabulary] for text in texts], dtype=float)
    positive = data.source.classes[train].numpy() == 1
    p, q = 1 + present[positive].sum(axis=0), 1 + present[~positive].sum(axis=0)
    ratio = np.log((p / p.sum()) / (q / q.sum()))
    model = linear_model.LogisticRegression(max_iter=200, tol=1e-3).fit(present * ratio, positive)
    batch = data.spec.batch(["good film film", "dull w3"])
    scores = module(batch)
    features = np.array([[word in text.split() for word in vocabulary] for text in ("good film film", "dull w3")])
    expected = model.decision_function(features * ratio)
    assert (scores[:, 1] - scores[:, 0]).tolist() == pytest.approx(expected.tolist(), abs=1e-3)


def test_three_classes_and_one_without_training_text(tmp_path) -> None:
    path = tmp_path / "t.csv"
    rows = [(f"{'abc'[i % 3] * 3} {i}", "xyz"[i % 3]) for i in range(60)]
    path.write_text("text,label,split\n" + "".join(f"{text},{label},train\n" for text, label in rows) + "q,new,test\n")
    data = Texts(str(path))
    data.setup()
    for settings in ({}, {"naive_bayes": True}):
        module = fitted(data, **settings)
        predicted = module(data.spec.batch(["aaa", "bbb", "ccc"])).argmax(dim=1)
        assert [data.spec.classes[i] for i in predicted] == ["x", "y", "z"]
        assert module.bias[data.spec.classes.index("new")] == -torch.inf
