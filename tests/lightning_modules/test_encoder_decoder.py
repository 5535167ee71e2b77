"""The transformer's decoder on the workloads where writing is a choice."""

from __future__ import annotations

import pytest
import torch

from lightning_modules.tasks.autoregressive import Seq2SeqOutput
from scripts.runs.training import build_module
from tests.pairs import datamodule_for, losses_of, small_settings


@pytest.mark.parametrize("workload", ["energy-forecasting", "lines-transcription"])
def test_it_learns_and_answers(workload: str) -> None:
    config = small_settings("transformer", workload, overrides=["module.decoder_layers=1", "module.dropout=0.0"])
    datamodule = datamodule_for(config)
    module = build_module(config, datamodule)
    assert module.has_decoder
    batch = next(iter(datamodule.train_dataloader())).to("cpu")
    losses = losses_of(module, batch, steps=8)
    assert losses[-1] < losses[0]
    with torch.inference_mode():
        answer = module.eval()(batch)
    if isinstance(answer, Seq2SeqOutput):
        assert len(module.task.read(answer)) == len(batch)
    else:
        assert answer.shape == batch.future.shape and answer.isfinite().all()
