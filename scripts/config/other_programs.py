"""Words of Lightning and of other programs, and what takes their place here."""

from __future__ import annotations

#: Arguments of the Trainer that are often given without their group.
OF_TRAINER = (
    "max_epochs", "max_steps", "max_time", "accelerator", "devices", "precision", "strategy", "fast_dev_run",
    "gradient_clip_val", "accumulate_grad_batches", "limit_train_batches", "overfit_batches",
)  # fmt: skip

#: Keys of Lightning or of other programs at the top level -> the key that is meant.
ALTERNATIVES = {
    "ckpt_path": "resume=RUN, which goes on from its last.ckpt, or init_from=RUN, which starts from its best.ckpt",
    "lr": "optimizer.lr",
    "learning_rate": "optimizer.lr",
    "weight_decay": "optimizer.weight_decay",
    "batch_size": "datamodule.batch_size",
    "data_dir": "datamodule.data_dir",
    "epochs": "trainer.max_epochs",
    "num_epochs": "trainer.max_epochs",
    "steps": "trainer.max_steps",
    "gpus": "trainer=gpu trainer.devices=N",
    "num_gpus": "trainer=gpu trainer.devices=N",
    "device": "trainer.accelerator",
    "amp": "trainer.precision=bf16-mixed",
    "debug": "trainer.fast_dev_run=true",
    "model": "module",
    "net": "module",
    "data": "datamodule",
    "dataset": "datamodule",
    "train": "trainer.max_epochs=0, which trains nothing",
    "test": "evaluate=[test]",
    "task_name": "name",
    "run_name": "name",
    "experiment_name": "name",
    "output_dir": "runs_dir",
    "log_dir": "runs_dir",
    "hidden_size": "module.hidden_size",
    **{name: f"trainer.{name}" for name in OF_TRAINER},
}

#: Arguments that other programs have -> what is to be said of them here.
ELSEWHERE = {
    "num_workers": "batches are made by the process that trains, in microseconds",
    "persistent_workers": "there are no workers: batches are made by the process that trains",
    "pin_memory": "batches that go to a GPU are pinned",
    "shuffle": "the training split is shuffled in each epoch, by seed",
    "learning_rate": "lr is accepted",
    "weight_decay_rate": "weight_decay is accepted",
}
