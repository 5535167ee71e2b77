"""Gradient-boosted trees on lags and the calendar (LightGBM, Ke et al. 2017).

python scripts/train.py datamodule=energy module=baseline/lightgbm        # needs the extra: baselines
"""

from __future__ import annotations

import logging
from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Ge, Gt
from torch import Tensor

from datamodules.base import SequenceDataModule
from datamodules.batching.batches import WindowBatch
from datamodules.errors import BadInput
from lightning_modules.baselines.base import Baseline, spread
from lightning_modules.tasks.forecasting.task import Forecasting

log = logging.getLogger(__name__)

COVARIATE_LAGS = 24  # rows of the look-back whose covariates are features


class LightGBM(Baseline):
    """For each row ahead a model of all series: the change from the last value, from the look-back's differences to it,
    the calendar of that row, the last value itself and the series.  Covariates: of the last `COVARIATE_LAGS` rows, and
    those known ahead up to that row, and their change.  Column by column.

    Args:
        task: forecasting.
        num_rounds: trees of each model.
        num_leaves: of a tree.
        learning_rate: of each tree's share.
        max_windows: drawn from the training split, evenly; 0 for all.
        num_threads: 0 for all cores.
    """

    input_kind = "batch"
    task_class = Forecasting
    task: Forecasting

    def __init__(
        self,
        task: Forecasting,
        num_rounds: Annotated[int, Gt(0)] = 300,
        num_leaves: Annotated[int, Gt(1)] = 63,
        learning_rate: Annotated[float, Gt(0)] = 0.1,
        max_windows: Annotated[int, Ge(0)] = 200_000,
        num_threads: Annotated[int, Ge(0)] = 0,
    ) -> None:
        super().__init__(task)
        self.num_rounds = num_rounds
        self.settings = {
            "objective": "l2",
            "num_leaves": num_leaves,
            "learning_rate": learning_rate,
            "num_threads": num_threads,
            "verbosity": -1,
            "deterministic": True,
            "force_row_wise": True,
            "seed": 0,
        }
        self.max_windows = max_windows
        self.models: list[str] = []  # LightGBM's own text, one a row ahead
        self._boosters: list[Any] = []

    def fit(self, datamodule: SequenceDataModule) -> None:
        lightgbm = _library()
        train = spread(datamodule.indices["train"], self.max_windows)
        pieces = [datamodule.source.collate(rows, 0) for rows in train.split(65_536)]
        shared = np.concatenate([self._shared(batch) for batch in pieces])
        target = np.concatenate([(batch.future - batch.past[:, -1:]).numpy() for batch in pieces])  # (N, H, K)
        for step in range(self.task.horizon):
            features = np.concatenate(
                [shared, np.concatenate([self._of_step(batch, step) for batch in pieces])], axis=1
            )
            data = lightgbm.Dataset(features, target[:, step].reshape(-1), free_raw_data=True)
            self.models.append(lightgbm.train(self.settings, data, self.num_rounds).model_to_string())
            if self.task.horizon > 1:
                log.info("baseline/lightgbm: row %d of %d", step + 1, self.task.horizon)
        self._boosters = []

    def forward(self, batch: WindowBatch) -> Tensor:
        if not self._boosters:
            lightgbm = _library()
            self._boosters = [lightgbm.Booster(model_str=model) for model in self.models]
        shared, steps = self._shared(batch), []
        for step, booster in enumerate(self._boosters):
            change = booster.predict(np.concatenate([shared, self._of_step(batch, step)], axis=1))
            steps.append(torch.as_tensor(change, dtype=torch.float32).view(len(batch), -1))
        change = torch.stack(steps, dim=1).to(batch.past.device)
        return self.task.as_output(batch.past[:, -1:] + change)

    def _shared(self, batch: WindowBatch) -> np.ndarray:
        """(B K, L + 1 + V) features that do not depend on the row ahead: a row for each column of each window."""
        past = batch.past.cpu().transpose(1, 2).flatten(0, 1).numpy()  # (B K, L)
        columns = batch.past.shape[2]
        unit = batch.series.cpu().numpy()[:, None] * columns + np.arange(columns)
        parts = [past[:, :-1] - past[:, -1:], past[:, -1:], unit.reshape(-1, 1)]
        if self.task.num_covariates:
            lags = batch.past_covariates(min(COVARIATE_LAGS, self.task.lookback)).flatten(1).cpu().numpy()
            parts.append(np.repeat(lags, columns, axis=0))
        return np.concatenate(parts, axis=1)

    def _of_step(self, batch: WindowBatch, step: int) -> np.ndarray:
        """(B K, F) calendar of the row ahead, and the covariates known ahead of it and of the rows before it."""
        features = batch.calendar[batch.first + step]
        if self.task.num_future_covariates:
            count = self.task.num_future_covariates
            ahead = batch.future_covariates(count, step + 1)[:, -COVARIATE_LAGS:]
            last = batch.past_covariates(1)[:, 0, -count:]
            features = torch.cat([features, ahead.flatten(1), ahead[:, -1] - last], dim=1)
        return np.repeat(features.cpu().numpy(), batch.past.shape[2], axis=0)

    def get_extra_state(self) -> dict[str, Any]:
        return {"models": self.models}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        self.models, self._boosters = state["models"], []


def _library() -> Any:
    try:
        import lightgbm
    except (ImportError, OSError) as error:  # OSError: the system lacks libgomp
        raise BadInput(f"module=baseline/lightgbm needs LightGBM: pip install lightgbm ({error})") from None
    return lightgbm
