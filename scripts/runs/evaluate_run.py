"""A finished run, judged again."""

from __future__ import annotations

import logging
from pkgutil import resolve_name
from typing import Any

from datamodules.base import SequenceDataModule
from datamodules.errors import BadInput
from lightning_modules.training.instantiate import build
from scripts.config import trust
from scripts.config.signatures import target_problems
from scripts.runs.evaluation import Evaluation
from scripts.runs.folder import RunFolder
from scripts.runs.loading import load_module
from scripts.runs.training import make_trainer

log = logging.getLogger(__name__)


def evaluate(run: RunFolder, config: dict[str, Any], split: str) -> Evaluation:
    """The best checkpoint of a run on a part of the data that `config` names, encoded as the run encodes it.

    Raises:
        BadInput: the run, its settings or the data cannot be used, or the part is empty.
    """
    stored = run.config()
    trust.check_stored({group: stored.get(group) for group in ("datamodule", "trainer")}, str(run.config_file))
    module = load_module(run)
    found = trust.check_kinds({group: config[group] for group in ("datamodule", "trainer")})
    found += target_problems(config["datamodule"], "datamodule") + target_problems(config["trainer"], "trainer")
    if config.get("decoding"):
        if type(module.task.decoding) is not resolve_name(config["decoding"]["_target_"]):
            found.append(f"decoding._target_={config['decoding']['_target_']}: not how this task decodes")
        found += target_problems(config["decoding"], "decoding")
    if found:
        raise BadInput("\n".join(found))
    then, now = stored["datamodule"], config["datamodule"]
    for key in resolve_name(now["_target_"]).network_properties:
        if now.get(key) != then.get(key):
            raise BadInput(f"datamodule.{key}={now[key]}: a property of the run's network, which has {then.get(key)}")
    if config.get("decoding"):
        module.task.decoding = build(config["decoding"])
    datamodule: SequenceDataModule = build(config["datamodule"])
    datamodule.pretrained_spec = module.task.spec
    datamodule.setup()
    if not len(datamodule.split_indices(split)):
        raise BadInput(f"--split {split}: that part is empty")
    if config["datamodule"] == run.config()["datamodule"]:
        _tell_changes(run, datamodule)
    evaluation = Evaluation(module, datamodule, make_trainer(config, run, callbacks=[], logger=False))
    evaluation.evaluate(split)
    return evaluation


def _tell_changes(run: RunFolder, datamodule: SequenceDataModule) -> None:
    then = run.environment().get("fingerprint")
    if then and then != datamodule.fingerprint:
        log.warning(
            "data: not what the run was trained on (fingerprint %.12s, then %.12s)", datamodule.fingerprint, then
        )
