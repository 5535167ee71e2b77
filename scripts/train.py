"""Train: this data, this architecture, these settings.

    python scripts/train.py datamodule=names module=gru                          # one run
    python scripts/train.py -m datamodule=names module=rnn,lstm,gru seed=1,2,3   # a grid
    python scripts/train.py experiment=names                                     # a named experiment

The last line of standard output is the folder of the run, or of the sweep; everything else is standard error.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from scripts.commands import logs, sentences
from scripts.configuration import overrides
from scripts.runs import naming

sweeps: set[Path] = set()  # folders that this process put jobs into


@hydra.main(version_base="1.3", config_path="../conf", config_name="train")
def train(config: DictConfig) -> None:
    """One run; Hydra calls this once a job."""
    with sentences.ending(_explain):
        logs.quiet_lightning()
        from scripts.configuration.check import check
        from scripts.runs import resuming, training
        from scripts.runs.folder import RunFolder
        from scripts.runs.lock import only_writer

        settings: Any = OmegaConf.to_container(config, resolve=True)
        job = HydraConfig.get()
        folder = Path(job.runtime.output_dir)
        go_on = bool(settings["resume"]) and RunFolder(folder).config_file.exists()
        if go_on:
            settings = resuming.settings_to_go_on_with(RunFolder(folder), settings, job.overrides.task)
        check(settings)
        if go_on and resuming.has_finished(RunFolder(folder), settings):
            print(f"{folder} has finished; trainer.max_epochs=N, more than it has, makes it go on", file=sys.stderr)
        else:
            with only_writer(folder, str(folder)):
                training.train(settings, RunFolder(folder), list(job.overrides.task), go_on)
        if job.mode is RunMode.RUN:
            print(folder)
        else:
            sweeps.add(folder.parent)


def main() -> None:
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors arrive here, where they become sentences
    naming.register()
    sys.argv[1:] = overrides.relaxed(sys.argv[1:])
    _enter_run_to_go_on_with()
    train()
    for folder in sweeps:
        _tell_results(folder)
        print(folder)


def _explain(error: Exception) -> str | None:
    """The sentence for an error that is no bug; None for one that is."""
    return str(error) if hasattr(error, "exit_status") else overrides.explain(error)  # a run stopped from outside


def _enter_run_to_go_on_with() -> None:
    """With `resume=...`, make that run's folder the one of this process."""
    from scripts.runs.resuming import folder_to_go_on_in

    run = folder_to_go_on_in(sys.argv[1:])
    if run is not None:
        quoted = str(run.path.resolve()).replace("\\", "\\\\").replace("'", "\\'")
        sys.argv.append(f"hydra.run.dir='{quoted}'")


def _tell_results(sweep: Path) -> None:
    """The leaderboard of a sweep, and where to look further, on standard error."""
    from rich.console import Console

    from scripts.commands.tables import table
    from scripts.comparison.leaderboard import headline_metric, leaderboard
    from scripts.comparison.runs import read_runs

    console = Console(stderr=True)
    runs = [run for run in read_runs([str(sweep)]) if run.metrics]
    if runs:
        console.print(table(leaderboard(runs, headline_metric(runs))))
    console.print(f"runs:        {sweep}\nTensorBoard: tensorboard --logdir {sweep}", soft_wrap=True, highlight=False)


if __name__ == "__main__":
    sentences.run(main, _explain)
