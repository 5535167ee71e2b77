"""The callbacks of a run, those of Lightning among them: built, refused where they could have no effect, completed."""

from __future__ import annotations

import logging
from typing import Any

from pytorch_lightning import Callback, Trainer
from pytorch_lightning.callbacks import (
    BackboneFinetuning,
    BasePredictionWriter,
    BatchSizeFinder,
    LearningRateFinder,
    ModelPruning,
    StochasticWeightAveraging,
)

from datamodules.base import SequenceDataModule
from datamodules.errors import BadInput
from lightning_modules.base import SequenceModule
from lightning_modules.training.callbacks.checkpoints import Checkpoints
from lightning_modules.training.callbacks.interruption import Interruption
from lightning_modules.training.instantiate import build
from scripts.runs.folder import RunFolder

log = logging.getLogger(__name__)

#: Callbacks of Lightning for modules or programs of another make.
REFUSED = {
    ModelPruning: "ModelPruning renames the weights, which best.ckpt then lacks; torch.nn.utils.prune works on what"
    " load_from_checkpoint returns",
    BackboneFinetuning: "BackboneFinetuning unfreezes module.backbone, which no module here has; init_from=RUN"
    " freeze=all_but_head trains the output layer alone",
    BasePredictionWriter: "a prediction writer is called by Trainer.predict, which a run does not call;"
    " predictions.parquet has the predictions of the test split, scripts/predict.py those of other inputs",
}


def build_callbacks(config: dict[str, Any], folder: RunFolder) -> tuple[list[Callback], Checkpoints]:
    """The callbacks of the settings, and the one of them that keeps best.ckpt and last.ckpt.

    Raises:
        BadInput: an argument or a package is missing, one could have no effect, or none keeps checkpoints.
    """
    callbacks = [_build(name, settings) for name, settings in (config["callbacks"] or {}).items() if settings]
    if any(isinstance(callback, (LearningRateFinder, BatchSizeFinder)) for callback in callbacks):
        logging.getLogger("pytorch_lightning.tuner").setLevel(logging.INFO)  # what they have found
    for callback in callbacks:
        if isinstance(callback, Checkpoints):
            callback.folder = folder.checkpoints
            return [*callbacks, Interruption()], callback
    raise BadInput("callbacks: one of them has to be lightning_modules.training.callbacks.checkpoints.Checkpoints")


def _build(name: str, settings: dict[str, Any]) -> Callback:
    try:
        callback = build(settings)
    except Exception as error:  # an argument, a package, a range: each class has errors of its own
        raise BadInput(f"callbacks.{name}: {' '.join(str(error).split())}") from error
    for cls, why in REFUSED.items():
        if isinstance(callback, cls):
            raise BadInput(f"callbacks.{name}: {why}")
    return callback


def evaluation_callbacks(trainer: Trainer) -> list[Callback]:
    """Those that may be called while a finished module is evaluated: no search for a batch size."""
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    return [callback for callback in callbacks if not isinstance(callback, BatchSizeFinder)]


def validate_swa_weights(
    trainer: Trainer, module: SequenceModule, datamodule: SequenceDataModule, checkpoints: Checkpoints
) -> None:
    """Offer the weights of stochastic weight averaging as the best ones.

    StochasticWeightAveraging puts the averaged weights in place when training ends, after its last validation: they are
    validated here, and are the best checkpoint if their metric is.
    """
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    has_average = any(isinstance(callback, StochasticWeightAveraging) for callback in callbacks)
    if not has_average or not trainer.enable_validation:  # without validation the last weights are the best
        return
    trainer.validate(module, datamodule=datamodule, verbose=False, weights_only=True)
    is_best = checkpoints.offer_final(trainer, module)
    chosen = "are the best checkpoint" if is_best else "are no better than the best checkpoint, which stays"
    value = trainer.callback_metrics[str(checkpoints.monitor)].item()
    log.info("the averaged weights (%s=%.6g) %s", checkpoints.monitor, value, chosen)
