"""Errors about input that cannot be used: `BadInput`, and the suggestion of a name that was meant."""

import difflib
from collections.abc import Iterable


class BadInput(Exception):
    """Input that cannot be used: a setting, a file, a row; `str(error)` is the message to show.

    Each line names the key, file and line, or sample, and says what would be accepted.  The commands print it
    on standard error without a traceback and end with exit status 2.
    """


def option_name(cls: type) -> str:
    """Option name of a class (`gru` in `module=gru`): that of its file, of its folder for a task's `task.py`; conf/ has
    a YAML file of that name.

    >>> from lightning_modules.attention_lstm import AttentionLSTM
    >>> option_name(AttentionLSTM)
    'attention_lstm'
    """
    *folders, file = cls.__module__.split(".")
    if file == "task" and folders:
        return folders[-1]
    return f"baseline/{file}" if folders[-1:] == ["baselines"] else file


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """` (did you mean 'lr'?)`, or nothing where no known word is near.

    >>> did_you_mean("hiden_size", ["hidden_size", "dropout"])
    " (did you mean 'hidden_size'?)"

    >>> did_you_mean("GRU", ["lstm", "gru"]) + did_you_mean("cosineannealing", ["constant", "cosine"])
    " (did you mean 'gru'?) (did you mean 'cosine'?)"
    """
    known = {candidate.lower(): candidate for candidate in candidates}
    word = name.lower()
    begins = [candidate for candidate in known if len(candidate) > 3 and word.startswith(candidate)]
    near = [word] * (word in known) or difflib.get_close_matches(word, known, n=1, cutoff=0.6) or begins[:1]
    near = [known[candidate] for candidate in near]
    return f" (did you mean '{near[0]}'?)" if near else ""
