"""Train: this data, this architecture, these settings.

    python scripts/train.py datamodule=names module=gru                          # one run
    python scripts/train.py -m datamodule=names module=rnn,lstm,gru seed=1,2,3   # a grid
    python scripts/train.py experiment=names                                     # a named experiment
    python scripts/train.py rerun=RUN                                            # a run again, and is it the same?

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
    with sentences.ending(overrides.explain):
        logs.quiet_lightning()
        from scripts.configuration.check import check
        from scripts.runs import rerunning, training
        from scripts.runs.folder import RunFolder

        settings: Any = OmegaConf.to_container(config, resolve=True)
        job = HydraConfig.get()
        folder = Path(job.runtime.output_dir)
        repeated = rerunning.run_to_repeat(job.overrides.task)
        if repeated:
            settings = rerunning.settings_to_repeat(repeated, settings, job.overrides.task)
        check(settings)
        words = list(job.overrides.task)
        training.train(settings, RunFolder(folder), rerunning.words_told(repeated, words) if repeated else words)
        if repeated:
            print(rerunning.verdict(repeated, RunFolder(folder)), file=sys.stderr)
        if job.mode is RunMode.RUN:
            print(folder)
        else:
            sweeps.add(folder.parent)


def main() -> None:
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors arrive here, where they become sentences
    naming.register()
    sys.argv[1:] = overrides.relaxed(sys.argv[1:])
    if any(word.startswith("rerun=") for word in sys.argv):
        from scripts.runs.rerunning import completed

        sys.argv[1:] = completed(sys.argv[1:])
    train()
    for folder in sweeps:
        _tell_results(folder)
        print(folder)


def _tell_results(sweep: Path) -> None:
    """The leaderboard of a sweep, its report, and where to look further, on standard error."""
    from scripts.comparison.ending import tell_results

    tell_results(sweep)


if __name__ == "__main__":
    sentences.run(main, overrides.explain)
