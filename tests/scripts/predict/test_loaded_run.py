from pathlib import Path

import pytest
import torch

from datamodules.errors import BadInput
from scripts.config.composing import compose
from scripts.predict.loaded_run import load_run
from scripts.runs import training
from scripts.runs.folder import RunFolder


@pytest.mark.filterwarnings("ignore")
def test_a_run_predicts_and_embeds_in_a_program(names_folder: Path, tmp_path: Path) -> None:
    overrides = [
        "module.hidden_size=6",
        "trainer.max_epochs=1",
        "trainer.accelerator=cpu",
        "logger=none",
        "evaluate=[val]",
    ]
    training.train(compose(*overrides, f"datamodule.data_dir={names_folder}"), RunFolder(tmp_path), [])
    run = load_run(tmp_path)
    assert run.spec.classes == ("Greek", "Irish", "Japanese", "Polish")
    first, second = run.predict(["Yamamoto", "Kowalski"], top_k=4)
    assert {name for name, _ in first} == set(run.spec.classes)
    assert sum(torch.tensor([log_prob for _, log_prob in second]).exp()).item() == pytest.approx(1.0, abs=1e-4)
    vectors = run.embeddings(["Yamamoto", "Kowalski"])
    assert vectors.shape == (2, 6)
    alone = run.embeddings(["Kowalski"])
    torch.testing.assert_close(vectors[1:], alone, atol=1e-5, rtol=1e-4)


def test_no_run_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        load_run(tmp_path)
