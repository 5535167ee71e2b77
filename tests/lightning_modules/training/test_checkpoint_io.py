from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
import torch

from datamodules.errors import BadInput
from lightning_modules.training import checkpoint_io

STATE = {"state_dict": {"w": torch.arange(3.0)}, "config": {}, "spec": {}}


def test_a_checkpoint_comes_back(tmp_path: Path) -> None:
    checkpoint_io.save(STATE, tmp_path / "new" / "best.ckpt")
    assert torch.equal(checkpoint_io.load(tmp_path / "new" / "best.ckpt")["state_dict"]["w"], torch.arange(3.0))
    assert os.listdir(tmp_path / "new") == ["best.ckpt"]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "best.ckpt"
    checkpoint_io.save(STATE, path)
    with pytest.raises(
        (pickle.PicklingError, AttributeError, TypeError)
    ):  # pickle's error and its words differ between versions of Python
        checkpoint_io.save({"bad": lambda: None}, path)
    assert checkpoint_io.load(path)["config"] == {}
    assert os.listdir(tmp_path) == ["best.ckpt"]


class Malicious:
    def __reduce__(self):
        return os.system, ("touch executed",)


def test_nothing_in_a_checkpoint_is_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({**STATE, "format": 1, "extra": Malicious()}, tmp_path / "bad.ckpt")
    with pytest.raises(BadInput, match=r"bad\.ckpt: not a checkpoint of tensors and plain containers"):
        checkpoint_io.load(tmp_path / "bad.ckpt")
    assert not (tmp_path / "executed").exists()


def test_torn_foreign_missing_and_later_files_are_sentences(tmp_path: Path) -> None:
    path = tmp_path / "best.ckpt"
    with pytest.raises(BadInput, match="there is no such checkpoint"):
        checkpoint_io.load(path)
    checkpoint_io.save(STATE, path)
    whole = path.read_bytes()
    for size in (0, 1, 100, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(BadInput, match=r"best\.ckpt: not a checkpoint"):
            checkpoint_io.load(path)
    torch.save({"model": 1}, path)
    with pytest.raises(BadInput, match=r"not one that scripts/train\.py wrote"):
        checkpoint_io.load(path)
    torch.save({**STATE, "format": 99}, path)
    with pytest.raises(BadInput, match="written by a later version"):
        checkpoint_io.load(path)
