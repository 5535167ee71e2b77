"""What a person gets to read when their input cannot be used."""

import difflib
from collections.abc import Iterable


class BadInput(Exception):
    """Something a person gave cannot be used; `str(error)` is the sentence (or the lines) to show them.

    Each line names the key, file and line, or sample, and says what would be accepted.  The commands print it
    on standard error without a traceback and end with exit status 2.
    """


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` (did you mean 'lr'?)`, or nothing where no known word is near.

    >>> did_you_mean("hiden_size", ["hidden_size", "dropout"])
    " (did you mean 'hidden_size'?)"
    """
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" (did you mean '{near[0]}'?)" if near else ""
