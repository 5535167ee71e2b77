"""What a person gets to read when their input cannot be used."""

import difflib
from collections.abc import Iterable


class BadInput(Exception):
    """Something a person gave cannot be used; `str(error)` is the sentence (or the lines) to show them.

    Each line names the key, file and line, or sample, and says what would be accepted.  The commands print it
    on standard error without a traceback and end with exit status 2.
    """


def option_name(cls: type) -> str:
    """The name that a person types for a class of a group: that of its file (of its folder, for a task's `task.py`),
    as conf/ has a YAML file of the same name.

    >>> from lightning_modules.attention_lstm import AttentionLSTM
    >>> option_name(AttentionLSTM)
    'attention_lstm'
    """
    *folders, file = cls.__module__.split(".")
    if file == "task" and folders:
        return folders[-1]
    return f"baseline/{file}" if folders[-1:] == ["baselines"] else file


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` (did you mean 'lr'?)`, or nothing where no known word is near.

    >>> did_you_mean("hiden_size", ["hidden_size", "dropout"])
    " (did you mean 'hidden_size'?)"
    """
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" (did you mean '{near[0]}'?)" if near else ""
