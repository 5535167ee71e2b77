"""The gradient that reaches each step: by hand, for every kind of network, and as a picture of a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from datamodules.errors import BadInput
from lightning_modules.training.callbacks.gradient_flow import GradientFlow, step_gradients
from scripts.runs.training import build_module
from tests.commands import run
from tests.pairs import alone, datamodule_for, small_settings


def module_and_batch(name: str, workload: str, data_dir: str | None = None):
    whole = ["task.token_dropout=0"] if workload == "names-classification" else []  # else tokens are drawn anew
    config = small_settings(name, workload, data_dir, whole)
    datamodule = datamodule_for(config)
    return build_module(config, datamodule), next(iter(datamodule.train_dataloader())).to("cpu")


def test_the_norms_are_those_of_each_example_by_itself(names_folder: Path) -> None:
    module, batch = module_and_batch("gru", "names-classification", str(names_folder))
    assert len(set(batch.lengths.tolist())) > 1
    of_step: dict[int, list[float]] = {}
    for i, length in enumerate(batch.lengths.tolist()):
        one = alone(batch, i)
        x = module.task.embed(one).detach().requires_grad_()
        module.task.loss(module.task.head(module.encode(x, one.lengths), one), one).backward()
        for t in range(length):
            of_step.setdefault(length - 1 - t, []).append(x.grad[0, t].norm().item())
    expected = [np.mean(of_step[back]) for back in range(max(of_step) + 1)]
    np.testing.assert_allclose(step_gradients(module, batch).numpy(), expected, rtol=1e-4)


@pytest.mark.parametrize("workload", ["names-classification", "energy-forecasting", "lines-transcription"])
@pytest.mark.parametrize("name", ["lstm", "transformer", "peephole_lstm"])
def test_every_network_that_reads_steps_has_them_and_is_left_as_it_was(name: str, workload: str, names_folder) -> None:
    module, batch = module_and_batch(name, workload, str(names_folder))
    module.train()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    random = torch.get_rng_state()
    curve = step_gradients(module, batch)
    assert curve.ndim == 1
    assert curve.isfinite().all()
    assert len(curve) > 3
    assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)
    assert all(parameter.grad is None for parameter in module.parameters())
    assert all(part.training for part in module.modules())
    assert "encode" not in vars(module)


def test_a_run_draws_it(tmp_path: Path) -> None:
    small = ["datamodule.length=12", "datamodule.num_examples=100", "module.hidden_size=8", "trainer.max_epochs=1"]
    done = run(
        "train.py", "experiment=long_memory", *small, "callbacks.gradient_flow.every_n_steps=3", f"runs_dir={tmp_path}",
        "datamodule.batch_size=16", "trainer.log_every_n_steps=1", "evaluate=[val]",
    )  # fmt: skip
    folder = Path(done.stdout.strip())
    pixels = np.asarray(Image.open(folder / "figures" / "train_gradient_flow.png"))
    assert pixels.shape[0] > 200
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 20
    events = EventAccumulator(str(folder), size_guidance={"images": 0})
    events.Reload()
    steps = [event.step for event in events.Images("train/gradient_flow")]
    assert steps[:2] == [0, 3]
    assert [event.step for event in events.Scalars("gradient_flow/first_to_last")] == sorted(set(steps))
    state = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    (curves,) = [kept["curves"] for kept in state["callbacks"].values() if "curves" in kept]
    assert all(len(curve) == 12 for curve in curves.values())


def test_a_network_without_steps_is_refused(names_folder: Path) -> None:
    module, _ = module_and_batch("bag", "names-classification", str(names_folder))
    with pytest.raises(BadInput, match="callbacks=gradient_flow: module=bag has no steps; one that reads steps is"):
        GradientFlow().setup(None, module, "fit")
