"""CTC decoding: best path or beam search, with a language model or without."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt
from torch import Tensor

from datamodules.errors import BadInput
from datamodules.text.vocabulary import Vocabulary
from lightning_modules.tasks.transcription.beam_search import Guidance, beam_search
from lightning_modules.tasks.transcription.best_path import best_path


@dataclass
class Decoding:
    """Best path, or prefix beam search with or without a language model.

    Args:
        method: `best_path` or `beam_search`.
        beam_width: texts that are followed.
        candidates: characters tried at each step; all when absent.
        language_model: a text file to learn a character n-gram model from; none when absent.
        language_model_order: n.
        language_model_weight: of its log-probabilities beside the network's.
        character_bonus: added for every character.
    """

    method: Literal["best_path", "beam_search"] = "best_path"
    beam_width: Annotated[int, Gt(0)] = 10
    candidates: Annotated[int, Gt(0)] | None = 20
    language_model: str | None = None
    language_model_order: Annotated[int, Gt(1)] = 6
    language_model_weight: Annotated[float, Ge(0)] = 0.2
    character_bonus: float = 0.3
    _guidance: Any = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.language_model is not None and self.method == "best_path":
            raise BadInput("decoding.language_model: best_path has no use for it; decoding.method=beam_search has")

    def __call__(
        self, log_probs: Tensor, lengths: Tensor, vocabulary: Vocabulary, display: Callable[[str], str] = str
    ) -> list[list[int]]:
        """Ids of the characters of each line, left to right.

        Args:
            log_probs: (T, B, C).
            lengths: (B,) valid steps.
            vocabulary: of the ids.
            display: puts the lines of the language model's file, which are in reading order, into display order.
        """
        if self.method == "best_path":
            return best_path(log_probs, lengths)
        numbers = log_probs.detach().float().cpu().numpy(), lengths.cpu().numpy()
        found = beam_search(*numbers, self.beam_width, self.candidates, self._guide(vocabulary, display))
        return [texts[0][0] if texts else [] for texts in found]

    def _guide(self, vocabulary: Vocabulary, display: Callable[[str], str]) -> Guidance | None:
        if self.language_model is None:
            return None
        if self._guidance is None:
            from lightning_modules.tasks.transcription.language_model import CharacterModel

            path = Path(self.language_model).expanduser()
            model = CharacterModel.of_file(path, vocabulary, self.language_model_order, display)
            self._guidance = Guidance(model, self.language_model_weight, self.character_bonus)
        return self._guidance
