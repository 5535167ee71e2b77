"""Judging a part: nothing depends on which examples share a batch, and predictions stand as the files have them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lightning_modules.base import SequenceModule
from scripts.configuration.composing import compose
from scripts.runs.folder import RunFolder
from scripts.runs.outcome import Outcome
from scripts.runs.training import build_module, make_trainer
from tests.pairs import datamodule_for

CASES = {
    "classification": ["datamodule=names", "module=gru"],
    "class_weights": ["datamodule=names", "module=gru", "task.class_weights=balanced", "task.label_smoothing=0.1"],
    "generation": ["datamodule=names", "module=gru", "task=generation"],
    "transduction": ["datamodule=text_pairs", "module=seq2seq", "module.attention_size=8"],
    "transcription": ["datamodule=text_lines", "datamodule.rendered_lines=40", "module=crnn"],
    "written lines": ["datamodule=text_lines", "datamodule.rendered_lines=40", "module=seq2seq"],
}


def judged(folder: Path, words: list[str], batch_size: int, part: str) -> tuple[Outcome, SequenceModule]:
    config = compose(*words, f"datamodule.evaluation_batch_size={batch_size}", "module.hidden_size=8")
    datamodule = datamodule_for(config)
    torch.manual_seed(3)
    module = build_module(config, datamodule)
    trainer = make_trainer(config, RunFolder(folder), callbacks=[], logger=False)
    outcome = Outcome(module, datamodule, trainer)
    outcome.judge(part, keep_examples=True)
    return outcome, module


@pytest.mark.parametrize("case", CASES)
def test_batches_change_nothing(case: str, tmp_path: Path, names_folder: Path, pairs_file: Path) -> None:
    words = list(CASES[case])
    if "datamodule=names" in words:
        words.append(f"datamodule.data_dir={names_folder}")
    if "datamodule=text_pairs" in words:
        words.append(f"datamodule.data_dir={pairs_file}")
    (few, _), (many, module) = (judged(tmp_path, words, batch_size, "all") for batch_size in (3, 1000))
    assert few.metrics == pytest.approx(many.metrics, rel=1e-4, abs=1e-5)
    parts = many.datamodule.part_indices("all")
    for outcome in (few, many):
        table = outcome.predictions("all")
        assert table["id"].to_list() == outcome.datamodule.example_columns(parts)["id"]
    if "text_lines" in words[0]:
        assert table["target"].to_list() == [many.datamodule.collection.texts[i] for i in parts.tolist()]
    for name in (name for name in table.columns if table[name].dtype.is_numeric()):
        assert few.predictions("all")[name].to_list() == pytest.approx(table[name].to_list(), rel=1e-3, abs=1e-4)
    source, first = many.datamodule.source, parts[:1]
    with torch.inference_mode():  # what the first example is answered alone
        batch = source.gather(first, source.span(first))
        alone = module.task.columns(module.eval()(batch), batch)
    for name, values in alone.items():
        value = table[name][0]
        assert values[0] == (value if isinstance(value, str) else pytest.approx(value, rel=1e-3, abs=1e-4))


def test_like_lengths_share_a_batch(names_folder: Path) -> None:
    datamodule = datamodule_for(compose("datamodule=names", f"datamodule.data_dir={names_folder}"))
    order = datamodule.judged_indices("val")
    assert sorted(order.tolist()) == sorted(datamodule.part_indices("val").tolist())
    lengths = datamodule.source.lengths[order].tolist()
    assert lengths == sorted(lengths, reverse=True)
    assert len(set(lengths)) > 2
