"""Errors of a command: bad usage prints one message on standard error and exits with 2; a traceback is for bugs."""

from __future__ import annotations

import errno
import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from datamodules.errors import BadInput


def run(command: Callable[[], int | None], explain: Callable[[Exception], str | None] = lambda error: None) -> NoReturn:
    """Run a command and end the process with its exit status.

    Args:
        command: returns an exit status, None for 0.
        explain: the message for an error that is not a `BadInput` but still the input's fault; None for a bug.
    """
    with exit_on_error(explain):
        status = command() or 0
        sys.stdout.flush()
        gc.freeze()  # what is left goes with the process; looking through all of it would take a third of a second
        sys.exit(status)


@contextmanager
def exit_on_error(explain: Callable[[Exception], str | None] = lambda error: None) -> Iterator[None]:
    """Exit with a message where the body raises bad input, a resource error or an interrupt; let bugs through."""
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # the reader of standard output has closed it, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        message = bad_input_message(error) or resource_error(error) or explain(error)
        if message is None:
            raise
        print(message, file=sys.stderr)
        sys.exit(getattr(error, "exit_status", 2))


#: Errors of a file system that takes no file.
REFUSALS = tuple(
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EFBIG", "EACCES", "EPERM", "EROFS", "ENOTDIR", "EMFILE")
    if hasattr(errno, name)
)


def resource_error(error: BaseException | None) -> str | None:
    """The message for a full disk, a missing permission or too little memory; None for any other error."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in REFUSALS:
            return f"{error.filename or 'a file'}: {error.strerror}; what was finished before is kept"
        if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
            detail = next(iter(str(error).splitlines()), "")
            return (
                f"out of memory{f' ({detail})' if detail else ''}: a smaller datamodule.batch_size (with"
                " trainer.accumulate_grad_batches, for the same steps) or a smaller network takes less"
            )
        error = error.__cause__ or error.__context__
    return None


def bad_input_message(error: BaseException | None) -> str | None:
    """The message of the `BadInput` that an error is or was caused by; None where there is none."""
    while error is not None:
        if isinstance(error, BadInput):
            return str(error)
        error = error.__cause__ or error.__context__
    return None
