"""Restore what a command changes in the process that it runs in."""

from __future__ import annotations

import gc
import logging
import os
import random
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import matplotlib
import numpy as np
import torch
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.core.singleton import Singleton

import lightning_modules
import lightning_modules.base  # as a LightningModule, before `predict.py` imports it as a plain torch module
from scripts.sweeps.execution.pool import Pool, stop_fork_server
from scripts.sweeps.sweep import finished_sweeps

assert lightning_modules.base

#: The environment that the server of job processes was started with.
_served: dict[str, str] = {}

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGPIPE)


@contextmanager
def restored_process_state() -> Iterator[None]:
    """Start as a new process would; restore afterwards what tests and later commands depend on."""
    with ExitStack() as stack:
        for restored in (_interpreter, _environment, _logging, _hydra, _random_numbers, _torch, _project):
            stack.enter_context(restored())
        yield


@contextmanager
def _interpreter() -> Iterator[None]:
    """Arguments, import path, signal handlers, warning filters, garbage collection."""
    argv, path, handlers = list(sys.argv), list(sys.path), {number: signal.getsignal(number) for number in SIGNALS}
    with warnings.catch_warnings():
        warnings.resetwarnings()
        for category in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
            warnings.simplefilter("ignore", category)  # Python's own filters
        warnings.showwarning = _show_warning
        try:
            yield
        finally:
            sys.argv[:], sys.path[:] = argv, path
            for number, handler in handlers.items():
                signal.signal(number, handler)
            gc.unfreeze()
            gc.enable()


def _show_warning(message: Any, category: Any, filename: str, lineno: int, file: Any = None, line: Any = None) -> None:
    """What Python does with a warning; pytest would collect it."""
    (file or sys.stderr).write(warnings.formatwarning(message, category, filename, lineno, line))


@contextmanager
def _environment() -> Iterator[None]:
    environment, folder = dict(os.environ), os.getcwd()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(folder)


@contextmanager
def _logging() -> Iterator[None]:
    """Handlers and levels of all loggers; those of libraries write to what is standard error now."""
    root = logging.getLogger()
    loggers = [root, *(named for named in root.manager.loggerDict.values() if isinstance(named, logging.Logger))]
    before = {logger: (logger.level, list(logger.handlers), logger.propagate, logger.disabled) for logger in loggers}
    for handler in list(root.handlers):  # pytest's
        root.removeHandler(handler)
    root.setLevel(logging.WARNING)
    streams = _follow_standard_error(loggers)
    try:
        yield
    finally:
        for logger, (level, handlers, propagate, disabled) in before.items():
            if logger.level != level:  # each change empties the caches of all loggers
                logger.setLevel(level)
            logger.handlers[:], logger.propagate, logger.disabled = handlers, propagate, disabled
        for handler, stream in streams:
            handler.stream = stream


def _follow_standard_error(loggers: list[logging.Logger]) -> list[tuple[Any, Any]]:
    """Point stream handlers that libraries made at import at a stream that looks `sys.stderr` up."""
    found = [
        (handler, handler.stream)
        for logger in loggers
        for handler in logger.handlers
        if type(handler) is logging.StreamHandler
    ]
    for handler, _ in found:
        handler.stream = _StandardError()
    return found


class _StandardError:
    """`sys.stderr` at the time of writing."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


@contextmanager
def _hydra() -> Iterator[None]:
    """No Hydra initialised, no configuration of a job known."""
    Plugins.instance()  # whose configurations are stored when they are first looked for
    state = Singleton.get_state()
    GlobalHydra.instance().clear()
    HydraConfig.instance().cfg = None
    try:
        yield
    finally:
        Singleton.set_state(state)
        GlobalHydra.instance().clear()
        HydraConfig.instance().cfg = None


@contextmanager
def _random_numbers() -> Iterator[None]:
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])


@contextmanager
def _torch() -> Iterator[None]:
    """Threads, precision, determinism, gradients; matplotlib's settings."""
    threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    gradients, dtype = torch.is_grad_enabled(), torch.get_default_dtype()
    with matplotlib.rc_context():
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            torch.set_float32_matmul_precision(precision)
            torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
            torch.set_grad_enabled(gradients)
            torch.set_default_dtype(dtype)


@contextmanager
def _project() -> Iterator[None]:
    """State of this project's modules: that a process only predicts, and its sweeps."""
    predict_only = lightning_modules.INFERENCE_ONLY
    finished_sweeps.clear()
    try:
        yield
    finally:
        lightning_modules.INFERENCE_ONLY = predict_only
        finished_sweeps.clear()


@contextmanager
def shared_fork_server() -> Iterator[None]:
    """Keep the server that jobs of sweeps are forked from for the next sweep: it takes four seconds to load.

    The environment is the server's from when it started, so another one gets another server.
    """
    environment = {key: value for key, value in os.environ.items() if key != "PYTEST_CURRENT_TEST"}
    if environment != _served:
        stop_fork_server()
        _served.clear()
        _served.update(environment)
    close = Pool.close
    Pool.close = lambda pool: None  # type: ignore[method-assign]
    try:
        yield
    finally:
        Pool.close = close  # type: ignore[method-assign]
