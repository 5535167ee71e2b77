"""The folder that a run leaves, and the names of what is in it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from datamodules.errors import BadInput
from datamodules.files.nesting import check_size
from lightning_modules.training.stored_config import upgraded, upgraded_metrics

if TYPE_CHECKING:
    import numpy as np

STARTER = Path(__file__).resolve().parents[1] / "starter"  # the model that comes with the project, called `starter`
LARGEST = 2**63  # of a whole number among metrics
#: What is read of environment.json, and what each is.
ENVIRONMENT_TYPES: dict[str, type] = {"overrides": list, "data": dict, "fingerprint": str, "metrics": dict}


def _located(path: str | Path) -> Path:
    """A path as it is given; `starter` where there is none of that name."""
    found = Path(path).expanduser()
    return STARTER if str(path) == STARTER.name and not found.exists() else found


@dataclass(frozen=True)
class RunFolder:
    """config.yaml, environment.json, checkpoints/, metrics.json, predictions.parquet, figures/ and event files."""

    path: Path

    @classmethod
    def existing(cls, path: str | Path) -> RunFolder:
        """The run folder at `path`.

        Raises:
            BadInput: there is none, or it is no run folder.
        """
        folder = cls(_located(path))
        if not folder.path.is_dir():
            raise BadInput(f"{path}: there is no such run folder")
        if not folder.config_file.is_file():
            inside = sorted(p.parent.name for p in folder.path.glob("*/config.yaml"))
            hint = f"; it holds runs, such as {folder.path / inside[0]}" if inside else ""
            raise BadInput(f"{path}: not a run folder (no config.yaml in it){hint}")
        return folder

    @staticmethod
    def is_run(path: str | Path) -> bool:
        """Whether a run folder is at `path`."""
        return RunFolder(_located(path)).config_file.is_file()

    @property
    def config_file(self) -> Path:
        return self.path / "config.yaml"

    @property
    def environment_file(self) -> Path:
        return self.path / "environment.json"

    @property
    def metrics_file(self) -> Path:
        return self.path / "metrics.json"

    @property
    def predictions_file(self) -> Path:
        return self.path / "predictions.parquet"

    @property
    def status_file(self) -> Path:
        return self.path / "status.json"

    @property
    def figures(self) -> Path:
        """Where the figures are; runs of earlier versions call the folder `pictures`."""
        earlier = self.path / "pictures"
        return earlier if earlier.is_dir() and not (self.path / "figures").is_dir() else self.path / "figures"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    def config(self) -> dict[str, Any]:
        """The settings of the run; nothing that the file names is made.

        Raises:
            BadInput: the file is no YAML, or holds no settings of a run.
        """
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        try:
            config = yaml.load(self.config_file.read_text(encoding="utf-8"), Loader=loader)
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise BadInput(f"{self.config_file}: not settings that can be read ({reason})") from None
        check_size(config, str(self.config_file))
        for group in ("task", "module"):
            settings = config.get(group) if isinstance(config, dict) else None
            if not isinstance(settings, dict) or not isinstance(settings.get("_target_"), str):
                raise BadInput(f"{self.config_file}: not the settings of a run (no {group}._target_ in it)")
        return upgraded(config)

    def environment(self) -> dict[str, Any]:
        stored = _read_json(self.environment_file)
        for key, kind in ENVIRONMENT_TYPES.items():
            if not isinstance(stored.get(key, kind()), kind):
                raise BadInput(f"{self.environment_file}: {key} is no {kind.__name__}")
        if not all(isinstance(override, str) for override in stored.get("overrides", ())):
            raise BadInput(f"{self.environment_file}: overrides are words")
        return stored

    def metrics(self) -> dict[str, Any] | None:
        """The final metrics; None while the run has not finished.

        Raises:
            BadInput: the file is no JSON, or holds something else than numbers.
        """
        if not self.metrics_file.exists():
            return None
        metrics = _read_json(self.metrics_file)
        for name, value in metrics.items():
            is_number = isinstance(value, float) or (isinstance(value, int) and abs(value) < LARGEST)
            if value is not None and not is_number:
                raise BadInput(f"{self.metrics_file}: {name} is {str(value)[:40]!r}; a number is accepted")
        return upgraded_metrics(metrics)

    def status(self) -> dict[str, Any]:
        """How a run ended that did not finish: `status` (failed, pruned, interrupted) and `reason`; else empty."""
        return _read_json(self.status_file) if self.status_file.exists() else {}

    def write_figure(self, name: str, pixels: np.ndarray) -> None:
        """Args: pixels (H, W, 3) uint8."""
        from PIL import Image

        self.figures.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(self.figures / f"{name}.png")

    def write_config(self, config: dict[str, Any]) -> None:
        text = yaml.safe_dump(config, sort_keys=False, allow_unicode=True, width=120)
        write_whole(self.config_file, text)

    def write_json(self, path: Path, content: dict[str, Any]) -> None:
        write_whole(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def write_whole(path: Path, text: str) -> None:
    """Write a text file so that a reader sees all of it or what was there before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.write_text(text, encoding="utf-8")
    new.replace(path)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput(f"{path}: missing from the run folder") from None
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path}: not JSON ({error})") from None
    if not isinstance(content, dict):
        raise BadInput(f"{path}: not a JSON object of a run")
    return content
