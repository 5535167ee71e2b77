"""Evaluation of a split: nothing depends on which examples share a batch; predictions stand in order of the files."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from lightning_modules.base import SequenceModule
from scripts.config.composing import compose
from scripts.runs import training
from scripts.runs.evaluation import Evaluation
from scripts.runs.folder import RunFolder
from scripts.runs.training import build_module, make_trainer
from tests.pairs import datamodule_for, files_of, small_settings

#: Architecture, workload, further settings.
CASES: dict[str, tuple[str, str, list[str]]] = {
    "classification": ("gru", "names-classification", []),
    "class_weights": ("gru", "names-classification", ["task.class_weights=balanced", "task.label_smoothing=0.1"]),
    "generation": ("gru", "names-generation", []),
    "transduction": ("seq2seq", "pairs-transduction", []),
    "transcription": ("crnn", "lines-transcription", ["datamodule.rendered_lines=40"]),
    "written lines": ("seq2seq", "lines-transcription", ["datamodule.rendered_lines=40"]),
}


def evaluated(folder: Path, config: dict[str, Any], batch_size: int, split: str) -> tuple[Evaluation, SequenceModule]:
    config = {**config, "datamodule": {**config["datamodule"], "evaluation_batch_size": batch_size}}
    datamodule = datamodule_for(config)
    torch.manual_seed(3)
    module = build_module(config, datamodule)
    trainer = make_trainer(config, RunFolder(folder), callbacks=[], logger=False)
    evaluation = Evaluation(module, datamodule, trainer)
    evaluation.evaluate(split, keep_examples=True)
    return evaluation, module


@pytest.mark.parametrize("case", CASES)
def test_batches_change_nothing(case: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    name, workload, overrides = CASES[case]
    config = small_settings(name, workload, files_of(request, workload), overrides)
    (few, _), (many, module) = (evaluated(tmp_path, config, batch_size, "all") for batch_size in (3, 1000))
    assert few.metrics == pytest.approx(many.metrics, rel=1e-4, abs=1e-5)
    parts = many.datamodule.split_indices("all")
    for evaluation in (few, many):
        table = evaluation.predictions("all")
        assert table["id"].to_list() == evaluation.datamodule.example_columns(parts)["id"]
    if workload == "lines-transcription":
        assert table["target"].to_list() == [many.datamodule.collection.texts[i] for i in parts.tolist()]
    for name in (name for name in table.columns if table[name].dtype.is_numeric()):
        assert few.predictions("all")[name].to_list() == pytest.approx(table[name].to_list(), rel=1e-3, abs=1e-4)
    source, first = many.datamodule.source, parts[:1]
    with torch.inference_mode():  # what the first example is answered alone
        batch = source.collate(first, source.max_length(first))
        alone = module.task.columns(module.eval()(batch), batch)
    for name, values in alone.items():
        value = table[name].to_list()[0]
        assert values[0] == (value if isinstance(value, (str, list)) else pytest.approx(value, rel=1e-3, abs=1e-4))


def test_like_lengths_share_a_batch(names_folder: Path) -> None:
    datamodule = datamodule_for(compose("datamodule=names", f"datamodule.data_dir={names_folder}"))
    order = datamodule.split_indices("val")[datamodule.evaluation_order("val")]
    assert sorted(order.tolist()) == sorted(datamodule.split_indices("val").tolist())
    lengths = datamodule.source.lengths[order].tolist()
    assert lengths == sorted(lengths, reverse=True)
    assert len(set(lengths)) > 2


@pytest.mark.filterwarnings("ignore")
def test_a_thousand_classes_train_in_little_memory(tmp_path: Path) -> None:
    rows = [f"label{i},{'abcdefghij'[i % 10]}{i}{'klm'[j]}" for i in range(1000) for j in range(3)]
    (tmp_path / "table.csv").write_text("\n".join(["label,text", *rows]) + "\n")
    config = compose(
        "datamodule=texts", f"datamodule.data_dir={tmp_path / 'table.csv'}", "module.hidden_size=4", "logger=none",
        "trainer.accelerator=cpu", "callbacks.progress=null", "evaluate=[val]", "trainer.max_steps=1",
    )  # fmt: skip
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    metrics = training.train(config, RunFolder(tmp_path / "run"), [])
    assert metrics["steps"] == 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400 * 1024  # KiB
    with Image.open(tmp_path / "run" / "figures" / "val_confusion_matrix.png") as figure:
        assert max(figure.size) < 2500  # some forty classes, not a thousand
