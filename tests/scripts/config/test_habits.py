"""Words that people bring from other programs: one sentence says what they are called here."""

from __future__ import annotations

import pytest

from tests.commands import run


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("model=gru", "model: no such setting; you may mean module"),
        ("--batch-size=5", "--batch-size: no such option; you may mean datamodule.batch_size; "),
        ("module=GRU", "module=GRU: no such option (did you mean 'gru'?)"),
        ("scheduler=cosineannealing", "scheduler=cosineannealing: no such option (did you mean 'cosine'?)"),
        ("datamodule.num_workers=4", "datamodule.num_workers: no such setting (batches are made by the process that"),
        ("evaluate=test", "evaluate=test: must be a list, such as [test]"),
        ("+experiment=names", "experiment: the configuration has one already; experiment=OPTION, without +, "),
        ("trainer.strategy=ddp_spawn", "trainer.strategy=ddp_spawn: trainer.strategy=ddp is accepted"),
    ],
)
def test_a_word_of_another_program(typed: str, sentence: str) -> None:
    assert run("train.py", typed, status=2).stderr.startswith(sentence)
