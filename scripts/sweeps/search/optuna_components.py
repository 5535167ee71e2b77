"""Optuna's samplers, pruners and storages, as a sweep's settings name them."""

from __future__ import annotations

import inspect
import pkgutil
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


def require() -> None:
    """Raise a message where Optuna is not installed; keep it quiet where it is."""
    if optuna is None:
        raise BadInput("sweep.trials: a search needs Optuna 4.9 or later: pip install 'sequence-lab[search]'")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)


def distribution(axis: Axis) -> Any:
    """Optuna's distribution of an axis.

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
        raise BadInput(f"{axis.key}={axis.text}: {error}") from None


def override_of(axis: Axis, value: Any) -> str:
    """The override that gives the axis a value that was drawn."""
    if axis.interval is None and axis.range is None:
        for candidate, text in zip(axis.python_values(), axis.values()):
            if type(candidate) is type(value) and candidate == value:
                return axis.override_of(text)
    return axis.override_of(repr(value) if isinstance(value, float) else str(value))


def sampler(settings: SweepSettings, axes: Sequence[Axis], number: int, conditional: bool = False) -> Any:
    """The sampler that draws trial `number`.

    Args:
        settings: of the sweep.
        axes: of the search.
        number: of the trial; with it the seed of a sampler whose every draw has one of its own.
        conditional: whether some axes count only beside certain values of others.
    """
    provided: dict[str, Any] = {"seed": settings.sampler_seed + (number if is_reseeded(settings) else 0)}
    if settings.sampler_name == "GridSampler":
        provided["search_space"] = {axis.key: axis.python_values() for axis in axes}
    if settings.sampler_name == "CmaEsSampler":
        _needs("cmaes", "sweep/sampler=cmaes")
    if settings.sampler_name == "TPESampler" and conditional:
        provided["group"] = True  # axes that occur together are drawn together
    return _build(settings.sampler, provided, "sweep.sampler", optuna.samplers.BaseSampler)


def is_reseeded(settings: SweepSettings) -> bool:
    """Whether every draw has a seed of its own, so that a search that was stopped draws as one that was not; the
    points of a quasi-random sequence belong to one seed.
    """
    return settings.sampler_name != "QMCSampler"


def pruner(settings: SweepSettings) -> Any:
    return _build(settings.pruner, {}, "sweep.pruner", optuna.pruners.BasePruner)


def suggest(trial: Any, key: str, distribution: Any) -> Any:
    """Draw a value of one more parameter of a live trial."""
    if hasattr(distribution, "choices"):
        return trial.suggest_categorical(key, distribution.choices)
    draw = trial.suggest_int if isinstance(distribution.low, int) else trial.suggest_float
    return draw(key, distribution.low, distribution.high, step=distribution.step, log=distribution.log)


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


def _build(settings: dict[str, Any], provided: dict[str, Any], at: str, kind: type) -> Any:
    """The object that settings with a `_target_` describe, with what the program adds where its class takes it."""
    target = str(settings.get("_target_", ""))
    arguments = {key: value for key, value in settings.items() if key != "_target_"}
    try:
        cls = pkgutil.resolve_name(target)
    except Exception as error:  # whatever an import raises
        raise BadInput(f"{at}._target_={target}: cannot be imported ({error})") from None
    if not (isinstance(cls, type) and issubclass(cls, kind)):
        raise BadInput(f"{at}._target_={target}: not a {kind.__name__}, which belongs there")
    parameters = inspect.signature(cls).parameters
    provided = {key: value for key, value in provided.items() if key in parameters and key not in arguments}
    found = problems(cls, arguments, at, provided=list(provided))
    found = [message for message in found if not message.endswith(": missing")]
    if found:
        raise BadInput("\n".join(found))
    try:
        return cls(**{**provided, **arguments})
    except (TypeError, ValueError) as error:
        raise BadInput(f"{at}={arguments}: {error}") from None


def _needs(package: str, key: str) -> None:
    import importlib.util

    if importlib.util.find_spec(package) is None:
        raise BadInput(f"{key}: needs the package {package}: pip install 'sequence-lab[search]'")
