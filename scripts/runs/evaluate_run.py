"""Evaluating a finished run again, also on other data."""

from __future__ import annotations

import logging
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from datamodules.base import SequenceDataModule
from datamodules.errors import BadInput
from lightning_modules.training.instantiate import build
from scripts.config import trust
from scripts.config.naming import plain
from scripts.config.signatures import target_problems
from scripts.runs.costs import COSTS
from scripts.runs.evaluation import Evaluation
from scripts.runs.folder import RunFolder
from scripts.runs.loading import load_module
from scripts.runs.metric_facts import KEY, MetricFacts
from scripts.runs.training import make_trainer

log = logging.getLogger(__name__)


def evaluate(run: RunFolder, config: dict[str, Any], split: str) -> Evaluation:
    """Evaluate the best checkpoint of a run on a split of the data that `config` names, encoded as the run encodes it.

    Args:
        run: which run.
        config: its settings, those of the data, the trainer and the decoding perhaps changed.
        split: `train`, `val`, `test` or `all`.

    Raises:
        BadInput: the run, its settings or the data cannot be used, or the split is empty.
    """
    stored = run.config()
    trust.check_stored({group: stored.get(group) for group in ("datamodule", "trainer")}, str(run.config_file))
    module = load_module(run)
    found = trust.check_classes({group: config[group] for group in ("datamodule", "trainer")})
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
        raise BadInput(f"--split {split}: that split is empty")
    if config["datamodule"] == run.config()["datamodule"]:
        _report_changes(run, datamodule)
    trainer = on_one_device(config["trainer"], stored["trainer"])
    evaluation = Evaluation(module, datamodule, make_trainer({**config, "trainer": trainer}, run, [], logger=False))
    evaluation.evaluate(split, keep_examples=True)
    return evaluation


def on_one_device(trainer: dict[str, Any], stored: dict[str, Any]) -> dict[str, Any]:
    """Settings of an evaluation's trainer: on one device, so that each example counts once and is said once; on the
    processor where there is no GPU as the run had."""
    import torch

    devices = trainer.get("devices")
    one = {"devices": devices[:1] if isinstance(devices, list) else 1, "num_nodes": 1, "strategy": "auto"}
    wanted = trainer.get("accelerator")
    if wanted in ("gpu", "cuda") and wanted == stored.get("accelerator") and not torch.cuda.is_available():
        log.warning("trainer.accelerator=%s, as the run had: there is no such device here; on the processor", wanted)
        one["accelerator"] = "cpu"
    return {**trainer, **one}


def write_evaluation(run: RunFolder, config: dict[str, Any], evaluation: Evaluation, split: str, path: Path) -> None:
    """Write an evaluation as a folder that scripts/compare.py reads beside those of other runs.

    It holds the run's settings with those of the evaluation, the metrics of the evaluated split beside the run's own
    of validation (which choose), and the predictions.
    """
    folder = RunFolder(path)
    stored = run.environment() if run.environment_file.exists() else {}
    datamodule = evaluation.datamodule
    facts = MetricFacts.of_task(evaluation.module.task, f"val/{stored[KEY]['monitor']}" if KEY in stored else None)
    final = run.metrics() or {}
    kept = {name: value for name, value in final.items() if name.startswith("val/") or name in COSTS}
    folder.write_config({key: value for key, value in config.items() if key != "decoding"})
    environment = {
        **stored,
        "run": str(run.path),
        "split": split,
        "fingerprint": datamodule.fingerprint,
        "data": datamodule.report,
        KEY: facts.as_json(),
    }
    folder.write_json(folder.environment_file, environment)
    evaluation.predictions(split).write_parquet(folder.predictions_file)
    folder.write_json(folder.metrics_file, {**kept, **evaluation.metrics})


def evaluation_name(datamodule: SequenceDataModule, split: str) -> str:
    """The name of an evaluation's folder: its data, split and the start of its fingerprint."""
    source = plain(str(datamodule.report.get("source", "")).rstrip("/").rpartition("/")[2])[:60]
    return "-".join(filter(None, [source, split, datamodule.fingerprint[:8]]))


def _report_changes(run: RunFolder, datamodule: SequenceDataModule) -> None:
    then = run.environment().get("fingerprint")
    if then and then != datamodule.fingerprint:
        log.warning(
            "data: not what the run was trained on (fingerprint %.12s, then %.12s)", datamodule.fingerprint, then
        )
