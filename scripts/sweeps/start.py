"""Starting a sweep: from the command to the jobs, on this machine or through one of Hydra's launchers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig, OmegaConf

from datamodules.errors import BadInput
from scripts.config.dotted import get
from scripts.config.override import Override, parse_all
from scripts.config.overrides import relaxed
from scripts.runs.lock import only_writer
from scripts.sweeps.composition import Composer
from scripts.sweeps.execution import launcher_batches, local
from scripts.sweeps.manifest import Manifest
from scripts.sweeps.search.grid import Grid
from scripts.sweeps.search.space import Space, space_of
from scripts.sweeps.settings import SweepSettings, sweep_settings
from scripts.sweeps.sweep import Sweep, finished_sweeps


def sweep(config_loader: Any, config: DictConfig, arguments: list[str], launcher: Launcher | None = None) -> None:
    """Run what a multirun command asks for.

    Args:
        config_loader: Hydra's.
        config: of the sweep, with every word that is the same for all jobs.
        arguments: the overrides of the command.
        launcher: one that runs batches of jobs; None for this machine's own processes.

    Raises:
        BadInput: something in the settings cannot be; nothing was started then.
    """
    asked: Any = OmegaConf.to_container(config.sweep, resolve=True)
    settings = sweep_settings(asked)
    folder = Path(config.hydra.sweep.dir).resolve()
    if str(config.resume or ""):
        raise BadInput(f"resume={config.resume}: a sweep goes on by itself, under the same sweep.name")
    arguments = with_params(OmegaConf.to_container(config.hydra.sweeper).get("params"), arguments)  # type: ignore[union-attr]
    with only_writer(folder, f"sweep.name={settings.name}"):
        built = _build_sweep(config_loader, config, arguments, settings, folder)
        finished_sweeps.append(built)
        if launcher is None:
            local.run(built)
        else:
            launcher_batches.run(launcher, built, str(config.name))


def with_params(params: Any, arguments: list[str]) -> list[str]:
    """The command's overrides after those of `hydra.sweeper.params`, where Hydra's own sweeper reads a grid too.

    Args:
        params: override's key -> its values as they would be typed; None for none.
        arguments: the overrides typed, which count where both say something of a key.

    Raises:
        BadInput: something else than keys and values.
    """
    if not isinstance(params or {}, dict):
        raise BadInput(f"hydra.sweeper.params={params}: a table of keys and values, as in {{seed: '1,2,3'}}")
    typed = {override.target for override in parse_all(arguments)}
    lines = [f"{key}={'null' if value is None else value}" for key, value in (params or {}).items()]
    return [*(str(line) for line in parse_all(relaxed(lines)) if line.target not in typed), *arguments]


def _build_sweep(
    config_loader: Any, config: DictConfig, arguments: list[str], settings: SweepSettings, folder: Path
) -> Sweep:
    """The sweep with its plan, every setting checked that can be."""
    space = space_of(arguments, settings.space, config_loader, settings.when)
    if settings.seeds is not None:
        space = _with_seeds(space, settings, config.seed, config_loader)
    fixed = [*space.fixed, f"name={config.name}"]
    composer = Composer(config_loader, config, fixed)
    manifest = Manifest(folder, _identity(space, settings), sys.argv[1:])
    axes = [axis.key for axis in space.axes] if settings.trials is None else None
    manifest.read(settings.name, axes)
    retry = settings.on_error == "retry"
    if settings.trials is None:
        grid = Grid(
            space, manifest, retry, lambda key: _default(composer, key), lambda overrides: _fits(composer, overrides)
        )
        return Sweep(settings, space, composer, manifest, grid, None)
    from scripts.sweeps.search.study import Search

    first = composer.settings([])
    search = Search(space, settings, manifest, first, retry)
    return Sweep(settings, space, composer, manifest, search, search.objectives[0].metric, search.prunes_validations)


def _default(composer: Composer, key: str) -> str:
    """The value of a key that no override sets, as an override would say it."""
    value = get(composer.settings([]), key)
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _fits(composer: Composer, overrides: list[str]) -> bool:
    """Whether a baseline makes sense with the data and task of a combination; loads torch."""
    from scripts.config.check import incompatibility

    return incompatibility(composer.settings(overrides)) is None


def _with_seeds(space: Space, settings: SweepSettings, first: int, config_loader: Any) -> Space:
    if any(axis.key == "seed" for axis in space.axes):
        raise BadInput(f"sweep.seeds={settings.seeds}: `seed` has values of its own; give one of the two")
    if settings.trials is not None:
        return space
    fixed = [override for override in space.fixed if Override.parse(override).key != "seed"]
    override = f"seed={','.join(str(first + i) for i in range(settings.seeds or 1))}"
    overrides = [*(axis.override.input_line or "" for axis in space.axes), override] if settings.seeds != 1 else []
    when = {key: dict(condition) for key, condition in space.when.items()}
    return space_of([*fixed, *overrides], {}, config_loader, when) if overrides else space


def _identity(space: Space, settings: SweepSettings) -> dict[str, str]:
    if settings.trials is None:
        return space.described()
    search = {"sweep.objective": str(settings.objective), "sweep.seeds": str(settings.seeds or 1)}
    return {**space.described(), "sweep.trials": "a search", **search}
