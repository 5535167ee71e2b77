"""Data specs as plain containers, as a checkpoint holds them, and back.

A spec is what tasks and later commands need to know of the data: vocabulary, classes, scalers.  Its class says by
`kind` what a checkpoint calls it, and a task says by `spec_classes` which specs it can be made from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Protocol

from datamodules.errors import BadInput


class DataSpec(Protocol):
    """Protocol of a data spec."""

    kind: ClassVar[str]  # its name in checkpoints

    def to_dict(self) -> dict[str, Any]:
        """The spec as dicts, lists, strings and numbers."""

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> DataSpec:
        """The spec that `to_dict` gave `state` of."""


def to_dict(spec: DataSpec) -> dict[str, Any]:
    """`spec` as dicts, lists, strings and numbers, with its kind."""
    return {"kind": spec.kind, **spec.to_dict()}


def from_dict(state: dict[str, Any], classes: Sequence[type]) -> Any:
    """The spec that `to_dict` made `state` from.

    Args:
        state: with its kind.
        classes: the classes that it may be of: `spec_classes` of the task.

    Raises:
        BadInput: it is of another kind.
    """
    fields = dict(state)
    kind = fields.pop("kind", None)
    for cls in classes:
        if cls.kind == kind:  # type: ignore[attr-defined]
            return cls.from_dict(fields)  # type: ignore[attr-defined]
    accepted = ", ".join(cls.kind for cls in classes)  # type: ignore[attr-defined]
    raise BadInput(f"the data of the run is {kind}; its task takes {accepted or 'none'}")
