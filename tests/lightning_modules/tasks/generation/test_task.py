"""Language models: what a network is shown and asked, its figures by hand, and what it decodes."""

from __future__ import annotations

import math

import pytest
import torch

from datamodules.batching.batches import TokenBatch
from datamodules.errors import BadInput
from datamodules.text.codec import TextCodec
from datamodules.text.spec import LabelledText, UnlabelledText
from lightning_modules.baselines.ngram_language import NgramLanguage
from lightning_modules.gru import GRU
from lightning_modules.layers.symbols import IGNORE_INDEX
from lightning_modules.tasks.generation.sampling import Sampling, sample
from lightning_modules.tasks.generation.task import Generation
from lightning_modules.transformer import Transformer

TEXTS = ["abba", "b", "cab"]


def described(whole: bool | None = None, max_length: int = 50) -> LabelledText | UnlabelledText:
    codec = TextCodec.fit(TEXTS, "none", "characters", max_length)
    return LabelledText(codec, ("x", "y"), (2, 1)) if whole is None else UnlabelledText(codec, whole)


def batch_of(spec, texts=TEXTS) -> TokenBatch:
    tokens, lengths = spec.codec.encode(texts)
    classes = torch.tensor([0, 1, 1][: len(texts)]) if spec.classes else None
    return TokenBatch(torch.from_numpy(tokens), torch.from_numpy(lengths), classes)


@pytest.mark.parametrize("condition", ["none", "first", "every"])
def test_each_step_is_asked_for_the_symbol_after_it(condition: str) -> None:
    spec = described()
    task = Generation(spec, condition=condition, embedding_size=5)
    network = GRU(task, hidden_size=6).eval()
    batch = batch_of(spec)
    output = network(batch)
    a, b, c, end = *spec.codec.vocabulary.encode("abc").tolist(), task.symbols.eos_id
    assert output.targets.tolist() == [[a, b, b, a, end], [b, end] + [IGNORE_INDEX] * 3, [c, a, b, end, IGNORE_INDEX]]
    assert task.embed(batch).shape == (3, 5, 10 if condition == "every" else 5)
    nats = -output.scores.log_softmax(2)
    told = [
        nats[i, t, goal] for i, row in enumerate(output.targets.tolist()) for t, goal in enumerate(row) if goal >= 0
    ]
    torch.testing.assert_close(network.loss(batch), torch.stack(told).mean())
    metrics = task.metrics()
    metrics.update(output, batch)
    values = metrics.compute()
    assert values["loss"] == pytest.approx(float(sum(told)) / 11, rel=1e-5)
    assert values["perplexity"] == pytest.approx(math.exp(values["loss"]))
    assert values["bits_per_character"] == pytest.approx(values["loss"] / math.log(2))
    assert task.columns(output, batch)["log_prob"] == pytest.approx([-float(sum(told[:5])), -float(sum(told[5:7])),
                                                                     -float(sum(told[7:]))], rel=1e-4)  # fmt: skip


@pytest.mark.parametrize("condition", ["first", "every"])
def test_the_class_changes_what_is_expected(condition: str) -> None:
    spec = described()
    network = GRU(Generation(spec, condition=condition), hidden_size=6).eval()
    one, other = (TokenBatch(*(lambda b: (b.tokens, b.lengths))(batch_of(spec, ["ab"])), torch.tensor([c]))
                  for c in (0, 1))  # fmt: skip
    assert not torch.allclose(network(one).scores, network(other).scores)


def test_a_stretch_of_a_longer_text_has_no_end() -> None:
    spec = described(whole=False)
    task = Generation(spec)
    network = GRU(task, hidden_size=6).eval()
    batch = batch_of(spec, ["abba", "cabc"])
    output = network(batch)
    assert output.targets.tolist() == batch.tokens.tolist(), "the first symbol is asked for, nothing after the last"
    generator = torch.Generator().manual_seed(0)
    (text,) = task.generate(network, ["ab"], longest=12, generator=generator)
    assert len(text) == 12 and text.startswith("ab")


@pytest.mark.parametrize("architecture", [GRU, lambda task, hidden_size: Transformer(task, hidden_size, num_heads=2)])
def test_no_step_sees_what_comes_after_it(architecture) -> None:
    spec = described()
    network = architecture(Generation(spec), hidden_size=8).eval()
    before, after = batch_of(spec, ["abbac"]), batch_of(spec, ["abcba"])
    one, other = network(before).scores[0], network(after).scores[0]
    torch.testing.assert_close(one[:3], other[:3])
    assert not torch.allclose(one[3], other[3])


def test_a_class_that_texts_do_not_have_is_refused() -> None:
    with pytest.raises(BadInput, match=r"task.condition=every: these texts have no classes; none is accepted"):
        Generation(described(whole=True), condition="every")


def test_sampling_probabilities_by_hand() -> None:
    scores = torch.tensor([[0.1, 0.5, 0.3, 0.1]]).log()
    exact = torch.tensor([[0.1, 0.5, 0.3, 0.1]])
    torch.testing.assert_close(Sampling().probabilities(scores), exact)
    torch.testing.assert_close(Sampling(temperature=0.5).probabilities(scores), exact**2 / (exact**2).sum())
    torch.testing.assert_close(Sampling(top_k=2).probabilities(scores), torch.tensor([[0, 0.625, 0.375, 0]]))
    torch.testing.assert_close(Sampling(top_p=0.6).probabilities(scores), torch.tensor([[0, 0.625, 0.375, 0]]))
    torch.testing.assert_close(Sampling(top_p=0.4).probabilities(scores), torch.tensor([[0, 1.0, 0, 0]]))
    torch.testing.assert_close(Sampling(temperature=0).probabilities(scores), torch.tensor([[0, 1.0, 0, 0]]))


def test_writing_goes_on_until_every_text_has_ended() -> None:
    """A network that counts down from the last symbol; 0 ends."""

    def scores_of(ids: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.one_hot((ids[:, -1] - 1).clamp(min=0).long(), 6).float()

    beginning = torch.tensor([[3], [5], [1]])
    assert sample(scores_of, beginning, Sampling(temperature=0), end=0, longest=9) == [[3, 2, 1], [5, 4, 3, 2, 1], [1]]
    assert sample(scores_of, beginning, Sampling(temperature=0), end=0, longest=3) == [[3, 2, 1], [5, 4, 3], [1]]


def test_greedy_writing_equals_the_most_probable_symbol_of_each_prefix() -> None:
    spec = described()
    task = Generation(spec)
    network = GRU(task, hidden_size=8).eval()
    with torch.no_grad():
        texts = task.generate(network, ["a", "", "ab"], ["x", "y", "y"], Sampling(temperature=0), longest=6)
        for text, beginning, label in zip(texts, ["a", "", "ab"], ["x", "y", "y"]):
            written = beginning
            while len(written) < 6:
                tokens, lengths = spec.codec.encode([written])
                classes = torch.tensor([task.classes.index(label)])
                batch = TokenBatch(torch.from_numpy(tokens), torch.from_numpy(lengths), classes)
                scores = network(batch).scores[0, len(written), 2:]
                best = int(scores.argmax()) + 2
                if best == task.symbols.eos_id:
                    break
                written += spec.codec.decode([best])
            assert text == written


def test_known_texts_travel_with_the_weights() -> None:
    from lightning_modules.tasks.generation.task import hashes

    task = Generation(described())
    network = GRU(task, hidden_size=4)
    task.training_hashes = hashes(TEXTS).unique(sorted=True)
    other = GRU(Generation(described()), hidden_size=4)
    other.load_state_dict(network.state_dict())
    assert other.task.is_copy(["abba", "abb", "cab"]) == [True, False, True]


class Texts:
    """The part of a data module that a baseline is fitted to."""

    def __init__(self, batch: TokenBatch) -> None:
        self.source, self.indices = batch, {"train": torch.arange(len(batch))}


def test_counts_of_pairs_by_hand() -> None:
    """Witten-Bell: the kinds that were seen after a symbol share with what is known without that symbol."""
    spec = described()
    network = NgramLanguage(Generation(spec, condition="none"), order=2)
    batch = batch_of(spec)
    network.fit(Texts(batch))  # type: ignore[arg-type]
    shares = network(batch).scores.softmax(dim=2)
    a, b, c = spec.codec.vocabulary.encode("abc").tolist()
    counts = {a: 3, b: 4, c: 1, network.task.eos_id: 3}  # and three starts
    single = {symbol: (count + 5 / 5) / (14 + 5) for symbol, count in counts.items()}  # five kinds, alike at first
    followers = {a: 0, b: 2, c: 0, network.task.eos_id: 1}  # of a: abba has b and the end, cab has b
    after_a = {symbol: (count + 2 * single[symbol]) / (3 + 2) for symbol, count in followers.items()}
    for symbol, share in after_a.items():
        expected = share / sum(after_a.values())  # a start never follows
        assert shares[0, 1, symbol].item() == pytest.approx(expected, rel=1e-4)
    other = NgramLanguage(Generation(spec, condition="none"), order=2)
    other.load_state_dict(network.state_dict())
    assert torch.equal(other(batch).scores, network(batch).scores)
    known = NgramLanguage(Generation(spec, condition="first"), order=3)
    known.fit(Texts(batch))  # type: ignore[arg-type]
    starts = known(batch).scores[:, 0].exp()
    assert starts[0, a] > starts[1, a], "abba is of the first class"
