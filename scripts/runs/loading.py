"""A finished run as a network that predicts; nothing that its files name is executed, unless it is trusted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from datamodules import specs
from datamodules.errors import BadInput
from scripts.config import trust
from scripts.runs.folder import RunFolder

if TYPE_CHECKING:
    from lightning_modules.base import SequenceModule
    from lightning_modules.tasks.base import Task


def load_module(run: RunFolder) -> SequenceModule:
    """The best checkpoint of a run, on the CPU, in evaluation mode.

    Raises:
        BadInput: the folder lacks a file, names a class that is not to be trusted (`scripts.config.trust`), or fits
            none of its classes.
    """
    from lightning_modules.training import checkpoint_io

    path = run.checkpoints / "best.ckpt"
    state = checkpoint_io.load(path)
    with untrusted_input(str(path)):
        module = build_trusted(state["config"], state["spec"], str(path))
        module.load_state_dict(state["state_dict"])
    module.config = state["config"]
    return module.eval()


@contextmanager
def untrusted_input(place: str) -> Iterator[None]:
    """Whatever settings and weights make of the classes that take them becomes a message."""
    try:
        yield
    except BadInput:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise BadInput(
            f"{place}: settings and weights of which this version makes no network ({type(error).__name__}: {reason})"
        ) from error


def build_trusted(config: dict[str, Any], spec: dict[str, Any], place: str) -> SequenceModule:
    """The network that stored settings describe, once they are known to name nothing but what is trusted.

    Args:
        config: with `task` and `module`.
        spec: of the data, as `specs.to_dict` gives it.
        place: the file that they are from, for messages.

    Raises:
        BadInput: a class is not to be trusted.
    """
    from lightning_modules.training.instantiate import build

    trust.check_stored({group: config[group] for group in ("task", "module")}, place)
    task = build(config["task"], spec=stored_spec(config, spec, place))
    return build(config["module"], task=task)


def stored_spec(config: dict[str, Any], spec: dict[str, Any], place: str) -> Any:
    """The spec of a checkpoint's data; its task says of which classes it may be."""
    return specs.from_dict(spec, task_class(config, place).spec_classes)


def task_class(config: dict[str, Any], place: str) -> type[Task]:
    """The class of a run's task.

    Raises:
        BadInput: it is not to be trusted, or no task.
    """
    return trust.trusted_class(config["task"]["_target_"], trust.ALLOWED_CLASSES["task"], f"{place}: task")
