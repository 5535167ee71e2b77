"""A task without a question: states go in and out as they are."""

from __future__ import annotations

from torch import Tensor

from lightning_modules.tasks.base import Task


class PlainTask(Task):
    input_kinds = frozenset({"steps"})

    def __init__(self, input_size: int) -> None:
        super().__init__(spec=None)
        self._input_size = input_size

    @property
    def input_size(self) -> int:
        return self._input_size

    def build(self, input_kind: str, encoding_size: int) -> None:
        pass

    def embed(self, batch: Tensor) -> Tensor:
        return batch


class PlainWritingTask(PlainTask):
    """The same for an architecture that decodes."""

    autoregressive = "always"

    def __init__(self, input_size: int, decoder_input_size: int) -> None:
        super().__init__(input_size)
        self._written_size = decoder_input_size

    @property
    def decoder_input_size(self) -> int:
        return self._written_size

    def build_decoder(self, input_kind: str, encoding_size: int) -> None:
        pass
