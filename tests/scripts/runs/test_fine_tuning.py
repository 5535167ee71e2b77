"""Starting from a run's weights, with the same characters and with others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from datamodules.errors import BadInput
from scripts.config.composing import compose
from scripts.runs.folder import RunFolder
from scripts.runs.training import setup_training, train
from tests.datamodules.line_images.pictures import write_lines_folder

ALWAYS = [
    "datamodule=text_lines", "module=crnn", "module.hidden_size=8", "logger=none", "trainer.max_epochs=1",
    "datamodule.batch_size=8", "optimizer.weight_decay=0.1", "optimizer.lr=0.01", "evaluate=[]",
    "trainer.accelerator=cpu", "datamodule.val_groups=c", "datamodule.test_groups=d",
]  # fmt: skip


def config_of(folder: Path, *overrides: str) -> dict[str, Any]:
    return compose(*ALWAYS, f"datamodule.data_dir={folder}", *overrides)


def trained(config: dict[str, Any], path: Path) -> Any:
    """The run's module after training."""
    setup = setup_training(config, RunFolder(path))
    before = {name: p.detach().clone() for name, p in setup.module.state_dict().items()}
    setup.trainer.fit(setup.module, datamodule=setup.datamodule)
    return setup.module, before


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A run on the letters of tin, net, ten and tie; and lines that also have q and u."""
    folder = tmp_path_factory.mktemp("first")
    train(config_of(write_lines_folder(folder / "data")), RunFolder(folder / "run"), [])
    new = write_lines_folder(folder / "new", count=16)
    for file in new.glob("a_*.gt.txt"):
        file.write_text("quit\n")
    return folder / "run", new


def rows_of(module: Any, characters: str) -> torch.Tensor:
    ids = [module.task.vocabulary.id_of(character) for character in characters]
    return module.task.head_layer().weight.detach()[ids]


def test_known_characters_take_their_rows_along(first) -> None:
    run, new = first
    start = setup_training(config_of(new, f"init_from={run}"), RunFolder(run.parent / "a")).module
    from scripts.runs.loading import load_module

    original = load_module(RunFolder(run))
    assert "".join(start.task.codec.characters) == "".join(original.task.codec.characters) + "qu"
    assert torch.equal(rows_of(start, "tine"), rows_of(original, "tine"))
    assert torch.equal(start.task.head_layer().weight[:2], original.task.head_layer().weight[:2]), "blank and unknown"
    replaced = setup_training(
        config_of(new, f"init_from={run}", "datamodule.charset=replace"), RunFolder(run.parent / "b")
    ).module
    assert "".join(replaced.task.codec.characters) == " einqtu"
    assert torch.equal(rows_of(replaced, "tine"), rows_of(original, "tine"))


def test_only_new_rows_learn_and_the_old_ones_stay_bit_for_bit(first) -> None:
    run, new = first
    config = config_of(new, f"init_from={run}", "freeze=new_rows")
    module, before = trained(config, run.parent / "new_rows")
    after = module.state_dict()
    head = "task.output.1"
    known = len(before[f"{head}.weight"]) - 2
    for name, weight in after.items():
        if name.startswith(head):
            assert torch.equal(weight[:known], before[name][:known])
            assert not torch.equal(weight[known:], before[name][known:])
        else:
            assert torch.equal(weight, before[name]), name


def test_only_the_head_learns(first) -> None:
    run, new = first
    module, before = trained(config_of(new, f"init_from={run}", "freeze=all_but_head"), run.parent / "head")
    changed = {name for name, weight in module.state_dict().items() if not torch.equal(weight, before[name])}
    assert changed == {"task.output.1.weight", "task.output.1.bias"}


def test_everything_learns_without_freezing(first) -> None:
    run, new = first
    module, before = trained(config_of(new, f"init_from={run}"), run.parent / "all")
    still = {name for name, p in module.named_parameters() if torch.equal(p, before[name])}
    assert not still


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["freeze=new_rows"], "freeze=new_rows: of weights that init_from=RUN brings; there is no init_from"),
        (
            ["init_from={run}", "freeze=new_rows", "datamodule.charset=keep", "datamodule.unknown=replace"],
            "freeze=new_rows: ",
        ),
        (["init_from=/nowhere"], "/nowhere: there is no such run folder"),
        (["init_from={run}", "module.hidden_size=9"], "init_from={run}: its weights do not fit: layers.0."),
    ],
)
def test_what_does_not_fit_is_a_sentence(first, overrides: list[str], message: str) -> None:
    run, new = first
    with pytest.raises(BadInput) as caught:
        setup_training(config_of(new, *(word.format(run=run) for word in overrides)), RunFolder(run.parent / "bad"))
    assert str(caught.value).startswith(message.format(run=run))


def test_a_run_on_other_data_is_refused(first, names_folder, tmp_path) -> None:
    _, new = first
    names = compose(
        f"datamodule.data_dir={names_folder}", "trainer.max_epochs=1", "logger=none", "module.hidden_size=4"
    )
    train(names, RunFolder(tmp_path / "names"), [])
    with pytest.raises(BadInput, match="init_from: a run on other data than lines of text"):
        setup_training(config_of(new, f"init_from={tmp_path / 'names'}"), RunFolder(tmp_path / "lines"))
