import torch

from scripts.config.check import check
from scripts.config.composing import compose
from scripts.runs.training import build_module
from tests.pairs import WORKLOADS, datamodule_for, small_settings


def build(names_folder, combine: str):
    config = small_settings("ensemble", "names-classification", data_dir=str(names_folder))
    config["module"]["combine"] = combine
    config["module"]["lr_scales"] = {"bag": 5.0}
    datamodule = datamodule_for(config)
    module = build_module(config, datamodule).eval()
    return module, datamodule.source.collate(datamodule.indices["val"], 12)


def test_the_average_is_that_of_log_probabilities(names_folder) -> None:
    module, batch = build(names_folder, "average")
    by_hand = sum(member(batch).log_softmax(dim=1) for member in module.members.values()) / 2
    torch.testing.assert_close(module(batch), by_hand)
    alone = sum(member.task.loss(member(batch), batch) for member in module.members.values())
    torch.testing.assert_close(module.loss(batch), alone)


def test_joined_encodings_share_an_output_layer(names_folder) -> None:
    module, batch = build(names_folder, "join")
    summaries = [m.encode(m.task.embed(batch), batch.lengths).summary for m in module.members.values()]
    weight, bias = module.task.output[1].weight, module.task.output[1].bias
    torch.testing.assert_close(module(batch), torch.cat(summaries, dim=1) @ weight.t() + bias)


def test_members_have_learning_rates_and_clipping_of_their_own(names_folder) -> None:
    module, _ = build(names_folder, "average")
    optimizer = module.build_optimizer()
    assert [group["lr"] / optimizer.defaults["lr"] for group in optimizer.param_groups] == [1.0, 5.0]
    groups = list(module.clip_groups())
    assert sum(p.numel() for group in groups for p in group) == sum(p.numel() for p in module.parameters())
    assert not {id(p) for p in groups[0]} & {id(p) for p in groups[1]}


def test_forecasts_are_averaged_and_members_can_be_left_out() -> None:
    overrides = [
        "module.members.recurrent=null",
        "module.members.bag=null",
        "module.members.a._target_=lightning_modules.mlp.MLP",
        "module.members.b._target_=lightning_modules.linear.Linear",
    ]  # fmt: skip
    config = compose("module=ensemble", *WORKLOADS["energy-forecasting"], *overrides)
    check(config)
    datamodule = datamodule_for(config)
    module = build_module(config, datamodule).eval()
    assert list(module.members) == ["a", "b"]
    torch.nn.init.normal_(module.members["b"].weight)
    batch = datamodule.source.collate(datamodule.indices["val"][:8], 0)
    torch.testing.assert_close(module(batch), (module.members["a"](batch) + module.members["b"](batch)) / 2)
