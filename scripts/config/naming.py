"""What runs are called."""

from __future__ import annotations

from datetime import datetime

from omegaconf import DictConfig, OmegaConf


def register() -> None:
    """The resolvers that conf/train.yaml uses."""
    OmegaConf.register_new_resolver("run_time", run_time, use_cache=True, replace=True)
    OmegaConf.register_new_resolver("default_name", default_name, replace=True)
    OmegaConf.register_new_resolver("job_name", job_name, replace=True)


def run_time() -> str:
    """Now, to the second: the name of a run's folder, or of a sweep's."""
    return datetime.now().strftime("%Y-%m-%d_%H-%M-%S")


def default_name(_root_: DictConfig) -> str:
    """The experiment that was chosen, or else the data module."""
    from hydra.core.hydra_config import HydraConfig

    # a job's own settings have no `hydra`; those of a sweep do, but are not yet announced
    hydra = _root_.hydra if "hydra" in _root_ else HydraConfig.get()
    choices = hydra.runtime.choices
    return choices.get("experiment") or choices["datamodule"]


def job_name(number: int) -> str:
    """The folder of a sweep's job: its number and its overrides, those that differ between jobs."""
    from hydra.core.hydra_config import HydraConfig

    return short_name(list(HydraConfig.get().overrides.task)) or str(number)


def short_name(overrides: list[str]) -> str:
    """Overrides as a folder name: `module=gru,seed=1`, without what a file system or TensorBoard minds."""
    words = []
    for override in overrides:
        key, _, value = override.lstrip("+~").partition("=")
        words.append(f"{key.split('.')[-1]}={value}")
    return ",".join(words).replace("/", "-").replace(" ", "")[:200]
