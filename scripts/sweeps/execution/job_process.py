"""One job of a sweep, as the process that it is.

The process is forked from a server that has torch and Lightning loaded and nothing running; which GPUs it sees is
decided before CUDA wakes.  It leaves the terminal's process group: a Ctrl-C is the sweep's to pass on.
"""

from __future__ import annotations

import contextlib
import gc
import io
import logging
import os
import signal
import sys
import threading
import traceback
from multiprocessing import connection, parent_process
from pathlib import Path

import numpy as np
import torch
import torch.utils.tensorboard
from matplotlib.figure import Figure
from PIL import Image

import scripts.config.check
import scripts.runs.evaluation
from lightning_modules.tasks.classification.figures import confusion_figure
from lightning_modules.training.callbacks.interruption import Interrupted
from lightning_modules.training.callbacks.reporting import Pruned, Reporting
from lightning_modules.training.figures import pixels
from scripts.console import logs
from scripts.runs import training
from scripts.runs.folder import RunFolder
from scripts.runs.lock import only_writer
from scripts.runs.resume import is_same_run
from scripts.sweeps.execution.failures import reason_of
from scripts.sweeps.execution.job_spec import JobSpec

# imported for what a run needs of them late
assert torch.utils.tensorboard and scripts.config.check and scripts.runs.evaluation


def _warm_up() -> None:
    """Load what drawing loads at first use, once for all jobs."""
    figure = Figure()
    figure.subplots().set_title("Abc")
    for warm in (pixels(figure), confusion_figure(np.eye(2), ["Abc", "xyz"])):
        Image.fromarray(warm).save(io.BytesIO(), "PNG")


_warm_up()


def run(spec: JobSpec, pipe: connection.Connection) -> None:
    """Train the job of `spec`."""
    gc.freeze()  # what the server loaded stays: looked through, its pages would also no longer be shared
    gc.enable()
    os.setsid()
    os.environ.update(spec.environment)
    torch.set_num_threads(spec.threads)
    _log_to(spec.folder)
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    try:
        _send(pipe, ("ended", "finished", "", _trained(spec, pipe)))
    except Pruned:
        _send(pipe, ("ended", "pruned", "", None))
    except Interrupted as stopped:
        print(stopped, file=sys.stderr)
        _send(pipe, ("ended", "interrupted", "", None))
    except BaseException as error:
        traceback.print_exc()
        sys.stderr.flush()
        _send(pipe, ("ended", "failed", reason_of(error), None))
        sys.exit(1)


def _trained(spec: JobSpec, pipe: connection.Connection) -> dict[str, float]:
    def is_pruned(validation: int, value: float) -> bool:
        _send(pipe, ("report", validation, value))
        try:
            return pipe.recv()
        except EOFError:  # whoever asked is gone; their absence stops this process in a moment
            return False

    folder = RunFolder(spec.folder)
    reporting = Reporting(
        lambda progress: _send(pipe, ("progress", progress)), is_pruned if spec.can_be_pruned else None, spec.metric
    )
    with only_writer(folder.path, str(folder.path), spec.lock_timeout):
        resume = folder.config_file.exists() and is_same_run(folder.config(), spec.settings)
        return training.train(spec.settings, folder, spec.overrides, resume, [reporting])


def _log_to(folder: Path) -> None:
    """Redirect the output of this process to train.log."""
    folder.mkdir(parents=True, exist_ok=True)
    file = os.open(folder / "train.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (1, 2):
        os.dup2(file, stream)
    os.close(file)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr, force=True
    )
    logs.quiet_lightning()


def _stop_with_parent() -> None:
    """When the sweep's own process dies, save and stop: the folder is then free for the next one."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)


def _send(pipe: connection.Connection, message: tuple) -> None:
    with contextlib.suppress(OSError):  # nobody listens any more
        pipe.send(message)
