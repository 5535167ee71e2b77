"""Optuna's samplers, pruners and storages, as a sweep's settings name them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

try:
    import optuna
except ImportError:
    optuna = None  # type: ignore[assignment]

from datamodules.errors import BadInput
from scripts.config.signatures import problems
from scripts.sweeps.search.space import Axis
from scripts.sweeps.settings import SweepSettings

#: Samplers whose every draw has a seed of its own, so that a search that was stopped draws as one that was not.
RESEEDED = ("tpe", "gp", "cmaes", "random", "grid")


def require() -> None:
    """Raise a sentence where Optuna is not installed; keep it quiet where it is."""
    if optuna is None:
        raise BadInput("sweep.trials: a search needs Optuna 4.9 or later: pip install 'sequence-lab[search]'")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)


def distribution(axis: Axis) -> Any:
    """What Optuna draws a value of the axis from.

    Raises:
        BadInput: nothing can be drawn from it.
    """
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    log = "log" in axis.tags()
    try:
        if axis.interval is not None:
            low, high = axis.interval.start, axis.interval.end
            whole = "int" in axis.tags() or (isinstance(low, int) and isinstance(high, int))
            if whole:
                return IntDistribution(int(low or 0), int(high or 0), log=log)
            return FloatDistribution(float(low or 0), float(high or 0), log=log)
        values = axis.python_values()
        if axis.range is not None and values:
            step = abs(axis.range.step)
            if all(isinstance(value, int) for value in values):
                return IntDistribution(min(values), max(values), log=log, step=1 if log else int(step))
            return FloatDistribution(min(values), max(values), log=log, step=None if log else float(step))
        return CategoricalDistribution(values)
    except ValueError as error:
        raise BadInput(f"{axis.key}={axis.words}: {error}") from None


def word(axis: Axis, value: Any) -> str:
    """The override that gives the axis a value that was drawn."""
    if axis.interval is None and axis.range is None:
        for known, written in zip(axis.python_values(), axis.values()):
            if type(known) is type(value) and known == value:
                return axis.word(written)
    return axis.word(repr(value) if isinstance(value, float) else str(value))


def sampler(settings: SweepSettings, axes: Sequence[Axis], number: int) -> Any:
    """The sampler that draws trial `number`."""
    samplers = optuna.samplers
    seed = settings.sampler_seed + (number if settings.sampler in RESEEDED else 0)
    defaults: dict[str, Any] = {"seed": seed}
    classes = {
        "tpe": samplers.TPESampler,
        "gp": samplers.GPSampler,
        "cmaes": samplers.CmaEsSampler,
        "qmc": samplers.QMCSampler,
        "random": samplers.RandomSampler,
        "grid": samplers.GridSampler,
    }
    if settings.sampler == "tpe":
        defaults |= {"multivariate": True, "constant_liar": True}
    elif settings.sampler == "qmc":
        defaults |= {"scramble": True}
    elif settings.sampler == "grid":
        defaults |= {"search_space": {axis.key: axis.python_values() for axis in axes}}
    elif settings.sampler == "cmaes":
        _needs("cmaes", "sweep.sampler=cmaes")
    return _made(classes[settings.sampler], defaults, settings.sampler_options, "sweep.sampler_options")


def pruner(settings: SweepSettings) -> Any:
    pruners = optuna.pruners
    classes: dict[str, tuple[Any, dict[str, Any]]] = {
        "none": (pruners.NopPruner, {}),
        "median": (pruners.MedianPruner, {}),
        "percentile": (pruners.PercentilePruner, {"percentile": 25.0}),
        "hyperband": (pruners.HyperbandPruner, {}),
        "asha": (pruners.SuccessiveHalvingPruner, {}),
        "wilcoxon": (pruners.WilcoxonPruner, {}),
    }
    cls, defaults = classes[settings.pruner]
    return _made(cls, defaults, settings.pruner_options, "sweep.pruner_options")


def storage(settings: SweepSettings, folder: Path) -> Any:
    """A database that is shared, or a file in the sweep's folder.

    Raises:
        BadInput: the database cannot be reached.
    """
    if settings.storage is None:
        from optuna.storages.journal import JournalFileBackend

        return optuna.storages.JournalStorage(JournalFileBackend(str(folder / "study.journal")))
    try:
        return optuna.storages.RDBStorage(
            settings.storage, heartbeat_interval=None, engine_kwargs={"pool_pre_ping": True}
        )
    except Exception as error:  # drivers raise what they like
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise BadInput(f"sweep.storage={settings.storage}: {first}") from None


def importances(study: Any, objective: int) -> dict[str, float]:
    """Shares of the variance of one objective that each parameter explains (fANOVA)."""
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    return optuna.importance.get_param_importances(
        study, evaluator=evaluator, target=lambda trial: trial.values[objective]
    )


def _made(cls: Any, defaults: dict[str, Any], given: dict[str, Any], at: str) -> Any:
    found = problems(cls, given, at, given=[name for name in defaults if name not in given])
    found = [sentence for sentence in found if not sentence.endswith(": missing")]
    if found:
        raise BadInput("\n".join(found))
    try:
        return cls(**{**defaults, **given})
    except (TypeError, ValueError) as error:
        raise BadInput(f"{at}={given}: {error}") from None


def _needs(package: str, key: str) -> None:
    import importlib.util

    if importlib.util.find_spec(package) is None:
        raise BadInput(f"{key}: needs the package {package}: pip install 'sequence-lab[search]'")
