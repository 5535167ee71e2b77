"""Which metrics are better when they are lower."""

from __future__ import annotations

#: Metrics of which less is better; of all others more is.
LESS_IS_BETTER = (
    "loss", "smape", "smape_quarter", "mse", "mae", "rmse", "mase", "pinball", "cer", "wer", "perplexity",
    "bits_per_character", "infeasible", "fit_seconds", "params", "peak_memory_mb",
)  # fmt: skip


def is_less_better(metric: str) -> bool:
    return metric.rpartition("/")[2] in LESS_IS_BETTER
