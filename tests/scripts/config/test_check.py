from __future__ import annotations

import pytest
from hydra.errors import HydraException, MissingConfigException

from datamodules.errors import BadInput
from scripts.config import overrides
from scripts.config.check import check
from scripts.config.composing import compose
from scripts.config.signatures import problems


def refused(*overrides: str) -> list[str]:
    with pytest.raises(BadInput) as caught:
        check(compose(*overrides))
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "module.hiden_size=3",
            "module.hiden_size: no such setting (did you mean 'hidden_size'?); module takes hidden_size,",
        ),
        ("module.hidden_size=0", "module.hidden_size=0: must be greater than 0"),
        ("module.hidden_size=big", "module.hidden_size=big: must be an integer"),
        ("module.hidden_size=1.5", "module.hidden_size=1.5: must be an integer"),
        ("module.initialization=xavir", "module.initialization=xavir: must be 'default', 'xavier' or 'orthogonal'"),
        ("datamodule.test_fraction=1.0", "datamodule.test_fraction=1.0: must be less than 1"),
        ("trainer.max_epoch=3", "trainer.max_epoch: no such setting (did you mean 'max_epochs'?)"),
        ("trainer.precision=b16", "trainer.precision=b16: must be "),
        ("optimizer.lr=fast", "optimizer.lr=fast: must be a number"),
        ("optimizer.learning_rate=1", "optimizer.learning_rate: no such setting"),
        ("scheduler.warmup=2", "scheduler.warmup=2: must be less than 1"),
        ("callbacks.checkpoints.mode=best", "callbacks.checkpoints.mode=best: must be 'min' or 'max'"),
        ("seed=-1", "seed=-1: must be greater than or equal to 0"),
        ("seed=one", "seed=one: must be an integer"),
        ("evaluate=[tset]", "evaluate=['tset']: must be 'train', 'val' or 'test' at item 0"),
        (
            "module._target_=lightning_modules.gru.GRUU",
            "module._target_=lightning_modules.gru.GRUU: cannot be imported (module 'lightning_modules.gru' has no"
            " attribute 'GRUU' (did you mean 'GRU'?))",
        ),
        ("trainer.max_epochs=null", "scheduler: this one needs to know the length of the run"),
    ],
)
def test_each_mistake_is_a_sentence(override: str, message: str) -> None:
    lines = refused(override)
    assert len(lines) == 1
    assert lines[0].startswith(message)


@pytest.mark.parametrize(
    ("word", "meant"),
    [("lr=1", "optimizer.lr"), ("max_epochs=3", "trainer.max_epochs"), ("ckpt_path=x", "resume=RUN")],
)
def test_keys_of_other_programs_are_understood(word: str, meant: str) -> None:
    with pytest.raises(HydraException) as caught:
        compose(word)
    key = word.partition("=")[0]
    assert str(overrides.explain(caught.value)).startswith(f"{key}: no such setting; you may mean {meant}")


def test_all_problems_are_told_at_once() -> None:
    lines = refused("module.hidden_size=0", "optimizer.lrr=1", "datamodule.split_by=nam", "seed=-3", "trainer.foo=1")
    assert len(lines) == 5


def test_what_torch_and_lightning_take_is_taken() -> None:
    check(compose("trainer.max_time=00:00:10:00", "trainer.overfit_batches=2", "optimizer.amsgrad=true", "seed=0"))
    check(compose("trainer.devices=[0]", "trainer.strategy=ddp", "trainer.val_check_interval=10"))
    check(compose("scheduler=constant", "trainer.max_epochs=null"))


def test_members_of_an_ensemble_are_checked_too() -> None:
    (line,) = refused("module=ensemble", "module.members.bag.max_n=0")
    assert line == "module.members.bag.max_n=0: must be greater than 0"


def test_settings_that_a_class_passes_on_to_its_base_are_checked_too() -> None:
    (line,) = refused("module=attention_lstm", "module.hiden_size=3")
    assert line.startswith(
        "module.hiden_size: no such setting (did you mean 'hidden_size'?); module takes hidden_size,"
    )
    assert line.endswith("layer_norm, forget_bias, attention, attention_size, attention_dropout")
    lines = refused("module=attention_lstm", "module.dropout=1", "module.layer_norm=2", "module.attention=sharp")
    assert [line.partition(":")[0] for line in lines] == [
        "module.dropout=1", "module.layer_norm=2", "module.attention=sharp",
    ]  # fmt: skip
    for module in ("rnn", "peephole_lstm", "transformer"):
        (line,) = refused(f"module={module}", "module.layer_norm=true")
        assert line.startswith("module.layer_norm: no such setting")


def test_other_open_arguments_may_be_anything() -> None:
    def opened(size: int, **kwargs: int) -> None: ...

    class Base:
        def __init__(self, size: int) -> None: ...

    class Closed(Base):
        def __init__(self, depth: int = 1, **settings: int) -> None: ...

    class Deeper(Closed):
        def __init__(self, **settings: int) -> None: ...

    assert problems(opened, {"size": 1, "anything": 3}, "") == []
    assert problems(opened, {"size": "one", "anything": 3}, "") == ["size=one: must be an integer"]
    assert problems(Deeper, {"size": 3, "depth": 2}, "x") == []
    assert problems(Deeper, {"depth": "two", "colour": 2}, "x") == [
        "x.colour: no such setting; x takes size, depth",
        "x.size: missing",
        "x.depth=two: must be an integer",
    ]


@pytest.mark.parametrize(
    ("launcher", "said"),
    [
        ("ray", "hydra/launcher=ray is not installed: pip install 'sequence-lab[ray]'"),
        ("slurmm", "hydra/launcher=slurmm: no such option (did you mean 'slurm'?); there are local, "),
    ],
)
def test_a_launcher_that_is_not_there_is_named_with_what_installs_it(launcher: str, said: str) -> None:
    missing = MissingConfigException(f"In 'train': Could not find 'hydra/launcher/{launcher}'", launcher)
    assert str(overrides.explain(missing)).startswith(said)
