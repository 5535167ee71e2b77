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
    with sentences.ending(overrides.explain):
        logs.quiet_lightning()
        from scripts.configuration.check import check
        from scripts.runs import training
        from scripts.runs.folder import RunFolder

        settings: Any = OmegaConf.to_container(config, resolve=True)
        check(settings)
        job = HydraConfig.get()
        folder = Path(job.runtime.output_dir)
        training.train(settings, RunFolder(folder), list(job.overrides.task))
        if job.mode is RunMode.RUN:
            print(folder)
        else:
            sweeps.add(folder.parent)


def main() -> None:
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors arrive here, where they become sentences
    naming.register()
    sys.argv[1:] = overrides.relaxed(sys.argv[1:])
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
