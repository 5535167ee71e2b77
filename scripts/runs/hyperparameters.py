"""A run's row in TensorBoard's table of hyperparameters."""

from __future__ import annotations

from torch.utils.tensorboard.summary import hparams

from scripts.runs.tensorboard import RunLogger


def write_hyperparameters(logger: RunLogger, overrides: list[str], metrics: dict[str, float]) -> None:
    """What a person set, beside the final metrics of validation and test."""
    final = {f"final/{name}": value for name, value in metrics.items() if name.startswith(("val/", "test/"))}
    writer = logger.experiment
    for summary in hparams(hyperparameters(overrides), final):
        writer.file_writer.add_summary(summary)
    for name, value in final.items():
        writer.add_scalar(name, value, 0)


def hyperparameters(overrides: list[str]) -> dict[str, str | float | bool]:
    """`key=value` words as values of the type they look like.

    >>> hyperparameters(["module=gru", "++optimizer.lr=0.01", "seed=1"])
    {'module': 'gru', 'optimizer.lr': 0.01, 'seed': 1.0}
    """
    values: dict[str, str | float | bool] = {}
    for override in overrides:
        key, _, value = override.lstrip("+~").partition("=")
        values[key] = typed(value)
    return values


def typed(value: str) -> str | float | bool:
    if value.lower() in ("true", "false"):
        return value.lower() == "true"
    try:
        return float(value)
    except ValueError:
        return value
