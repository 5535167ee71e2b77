"""The weights as safetensors, with everything that is needed to build the network around them."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import Tensor, nn

from datamodules import specs
from datamodules.errors import BadInput
from datamodules.files.nesting import check_size
from lightning_modules.training.stored_config import upgraded, upgraded_weights

PACKAGES = ("safetensors",)


def write(
    folder: Path,
    network: nn.Module,
    module: Any,
    task: ModuleType,
    length: int,
) -> bool:
    """Write model.safetensors and settings.json; False, as no length is fixed."""
    from safetensors.torch import save_file

    weights = {name: value.detach().clone().contiguous() for name, value in module.state_dict().items()}
    save_file(weights, folder / "model.safetensors")
    settings = {
        "module": module.config["module"],
        "task": module.config["task"],
        "spec": specs.to_dict(module.task.spec),
    }
    text = json.dumps(settings, ensure_ascii=False, indent=1)
    (folder / "settings.json").write_text(text + "\n", encoding="utf-8")
    return False


def load(folder: Path) -> nn.Module:
    """The network of an exported folder, ready to predict; only classes of this project are built."""
    from scripts.runs.loading import build_trusted, untrusted_input

    file = folder / "settings.json"
    with untrusted_input(str(folder)):
        settings = json.loads(file.read_text(encoding="utf-8"))
        check_size(settings, str(file))
        module = build_trusted(upgraded(settings), settings["spec"], str(file))
        module.load_state_dict(upgraded_weights(weights_of(folder / "model.safetensors")))
    return importlib.import_module(str(module.task.exporter)).network(module).eval()


def weights_of(path: Path) -> dict[str, Tensor]:
    """Raises: BadInput: not a file of weights, or one that states what it does not hold."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except SafetensorError as error:
        raise BadInput(f"{path}: not weights that can be read ({error})") from None
