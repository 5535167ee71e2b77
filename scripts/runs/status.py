"""How a run ended that has no results: status.json in its folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pytorch_lightning.utilities import rank_zero_only

from lightning_modules.callbacks.interruption import Interrupted
from scripts.runs.folder import RunFolder


@contextmanager
def recorded(folder: RunFolder) -> Iterator[None]:
    """Leave `status` and `reason` in the folder where the run inside ends by an exception; raise it again."""
    if rank_zero_only.rank:
        yield
        return
    folder.status_file.unlink(missing_ok=True)
    try:
        yield
    except BaseException as error:
        folder.write_json(folder.status_file, {"status": status_of(error), "reason": reason_of(error)})
        raise


def status_of(error: BaseException) -> str:
    """`failed`, `interrupted`, `pruned`, or what the exception itself says in `run_status`."""
    if isinstance(error, (Interrupted, KeyboardInterrupt, SystemExit)):
        return "interrupted"
    pruned = type(error).__name__ == "TrialPruned"  # Optuna's, which need not be installed
    return getattr(error, "run_status", "pruned" if pruned else "failed")


def reason_of(error: BaseException) -> str:
    """One line: the exception's own words, or its name where it has none."""
    words = " ".join(str(error).split()) or type(error).__name__
    return words if len(words) <= 300 else words[:297] + "..."
