"""Train: this data, this architecture, these settings.

    python scripts/train.py datamodule=names module=gru                          # one run
    python scripts/train.py -m datamodule=names module=rnn,lstm,gru seed=1,2,3   # a grid
    python scripts/train.py -m sweep=names_gru sweep.trials=100                  # a search; typed again, it goes on
    python scripts/train.py experiment=names                                     # a named experiment
    python scripts/train.py rerun=RUN                                            # a run again, and is it the same?
    python scripts/train.py resume=RUN                                           # on from where it was stopped
    python scripts/train.py --allow PACKAGE rerun=RUN                            # trust the classes of a package

The last line of standard output is the folder of the run, or of the sweep; everything else is standard error.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from datamodules.errors import BadInput
from scripts.config import command_line, naming, overrides
from scripts.config.override import Override, last_value
from scripts.config.private_names import composed_once
from scripts.console import errors, logs
from scripts.console.loading import loading
from scripts.runs.launcher_env import rank

sweeps: set[Path] = set()  # folders that jobs of Hydra's own sweeper were put into


@hydra.main(version_base="1.3", config_path="../conf", config_name="train")
def train(config: DictConfig) -> dict[str, float] | None:
    """One run; Hydra calls this once a job, unless the sweep starts its own processes."""
    job = HydraConfig.get()
    if job.mode is RunMode.RUN:
        with errors.exit_on_error(_explain):
            if config.sweep.trials or config.sweep.space:
                raise BadInput("sweep: a search makes several runs, which needs -m")
            _train(config, Path(job.runtime.output_dir), list(job.overrides.task), resume=bool(config.resume))
            if rank() == 0:
                print(job.runtime.output_dir)
        return None
    sweeps.add(Path(job.runtime.output_dir).parent)
    return _train(config, Path(job.runtime.output_dir), list(job.overrides.task), resume=True)


def _train(config: DictConfig, path: Path, overrides: list[str], resume: bool) -> dict[str, float] | None:
    """Train into the folder; its final metrics."""
    with loading():
        from scripts.compare import rerun_verdict
        from scripts.config.check import check
        from scripts.config.composing import resolved
        from scripts.runs import rerun, training
        from scripts.runs.folder import RunFolder
        from scripts.runs.lock import only_writer
        from scripts.runs.resume import has_finished, settings_to_resume

    logs.quiet_lightning()
    folder = RunFolder(path)
    settings = resolved(config)
    resume = resume and folder.config_file.exists()
    if resume:
        settings = settings_to_resume(folder, settings, overrides)
    repeated = None if resume else rerun.run_to_repeat(overrides)
    if repeated:
        settings = rerun.settings_to_repeat(repeated, settings, overrides)
        overrides = rerun.recorded_overrides(repeated, overrides)
    try:
        check(settings)
    except BadInput as error:
        raise BadInput("\n".join(command_line.hint(line, overrides) for line in str(error).splitlines())) from None
    if resume and has_finished(folder, settings):
        print(f"{path} has finished; trainer.max_epochs=N, more than it has, makes it go on", file=sys.stderr)
        return folder.metrics()
    with only_writer(path, str(path)) if rank() == 0 else contextlib.nullcontext():
        metrics = training.train(settings, folder, overrides, resume)
    if repeated and rank() == 0:
        print(rerun_verdict.verdict(repeated, folder), file=sys.stderr)
    return metrics


def main() -> int:
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors arrive here, where they become messages
    naming.register()
    sys.argv[1:] = command_line.prepare(sys.argv[1:])
    if last_value(sys.argv[1:], "rerun"):
        from scripts.runs.rerun import with_place

        sys.argv[1:] = with_place(sys.argv[1:])
    _enter_run_to_resume()
    _find_plugins()
    with composed_once(), _write_nothing() if rank() > 0 else contextlib.nullcontext():
        train()
    for sweep in _finished_sweeps():
        from scripts.sweeps.summary import report_results

        report_results(sweep)
        print(sweep.folder)
        return sweep.status
    for folder in sweeps:  # those of Hydra's own sweeper
        _print_results(folder)
        print(folder)
    return 0


def _explain(error: Exception) -> str | None:
    """The message for an error that is no bug; None for one that is."""
    return str(error) if hasattr(error, "exit_status") else overrides.explain(error)  # a run stopped from outside


def _enter_run_to_resume() -> None:
    """With `resume=...`, make that run's folder the one of this process."""
    from scripts.runs.resume import folder_to_resume

    run = folder_to_resume(sys.argv[1:])
    if run is not None:
        sys.argv.append(str(Override.of("hydra.run.dir", str(run.path.resolve()))))


@contextlib.contextmanager
def _write_nothing() -> Iterator[None]:
    """For a process that torchrun or Slurm started beside the first one: that one keeps the run folder."""
    with tempfile.TemporaryDirectory() as folder:
        sys.argv.append("hydra/job_logging=disabled")
        if not any(argument.startswith("hydra.run.dir=") for argument in sys.argv):
            sys.argv.append(str(Override.of("hydra.run.dir", folder)))
        yield


def _find_plugins() -> None:
    """Let Hydra find this project's plugin, here and in processes that other launchers start."""
    project = Path(__file__).resolve().parents[1]
    for path in (str(project / "scripts"), str(project)):
        if path not in sys.path:
            sys.path.append(path)
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    os.environ["PYTHONPATH"] = os.pathsep.join(
        dict.fromkeys([*filter(None, paths), *map(str, (project / "scripts", project))])
    )


def _finished_sweeps() -> list[Any]:
    """Sweeps of this project's own sweeper, if one ran."""
    module = sys.modules.get("scripts.sweeps.sweep")
    return module.finished_sweeps if module else []


def _print_results(sweep: Path) -> None:
    """The leaderboard of a sweep, its report, and where to look further, on standard error."""
    from scripts.compare.summary import print_results

    print_results(sweep)


if __name__ == "__main__":
    errors.run(main, _explain)
