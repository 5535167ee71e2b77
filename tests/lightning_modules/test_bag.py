import torch

from datamodules.text.codec import TextCodec
from datamodules.text.spec import LabelledText
from lightning_modules.bag import MULTIPLIER, Bag
from lightning_modules.tasks.classification.task import Classification

CODEC = TextCodec.fit(["Abbaca", "acab", "Bc"], "ascii", "characters", 20)
DESCRIPTION = LabelledText(CODEC, ("x", "y"), (1, 1))


def bag(**settings) -> Bag:
    return Bag(Classification(DESCRIPTION), hidden_size=5, **settings).eval()


def test_one_grams_are_the_mean_of_token_embeddings() -> None:
    module = bag(max_n=1)
    batch = DESCRIPTION.batch(["Abbaca", "Bc"])
    got = module.encode(batch.tokens, batch.lengths).summary
    for i, text in enumerate(["Abbaca", "Bc"]):
        rows = [module.embedding.weight[CODEC.vocabulary.id_of(c)] for c in text]
        torch.testing.assert_close(got[i], sum(rows) / len(rows))


def test_n_grams_are_hashed_without_case_and_marked_at_the_ends() -> None:
    module = bag(max_n=3, num_buckets=97)
    batch = DESCRIPTION.batch(["Acab", "Bc"])
    vocabulary = CODEC.vocabulary
    got = module.encode(batch.tokens, batch.lengths).summary
    for i, text in enumerate(["Acab", "Bc"]):
        numbers = [vocabulary.id_of(c) for c in text]
        folded = [vocabulary.id_of(c.lower()) if c.lower() in vocabulary else vocabulary.id_of(c) for c in text]
        marked = [0, *folded, 0]
        for n in (2, 3):
            for start in range(len(marked) - n + 1):
                value = marked[start]
                for m in range(2, n + 1):
                    value = value * MULTIPLIER + marked[start + m - 1] + m
                numbers.append(value % 97 + len(vocabulary))
        rows = [module.embedding.weight[number] for number in numbers]
        torch.testing.assert_close(got[i], sum(rows) / len(rows))


def test_short_texts_have_fewer_n_grams() -> None:
    module = bag(max_n=5)
    batch = DESCRIPTION.batch(["a"])
    ids = module.ngrams(batch.tokens, batch.lengths)
    assert (ids > 0).sum() == 1 + 2 + 1  # a; ^a and a$; ^a$


def test_dropout_leaves_n_grams_out_in_training_only() -> None:
    module = bag(max_n=5, dropout=0.9)
    batch = DESCRIPTION.batch(["Abbaca"] * 50)
    still = module.encode(batch.tokens, batch.lengths).summary
    assert torch.equal(still[0], still[1])
    moving = module.train().encode(batch.tokens, batch.lengths).summary
    assert not torch.equal(moving[0], moving[1])
    assert torch.isfinite(moving).all()
