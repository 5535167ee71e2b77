"""The CRNN has the shapes of Shi et al. (2015), or of wider poolings; widths never change an answer."""

from __future__ import annotations

import pytest
import torch

from datamodules.errors import BadInput
from datamodules.line_images.codec import LineCodec
from datamodules.line_images.spec import LineImageSpec
from lightning_modules.crnn import CRNN
from lightning_modules.layers.convolutions import Convolution, LineConvolutions, Pool
from lightning_modules.tasks.transcription.task import Transcription


def built(height: int = 32, **settings) -> CRNN:
    return CRNN(Transcription(LineImageSpec(LineCodec.of(["abc"]), height, 4000, "auto")), **settings).eval()


@pytest.mark.parametrize(("pooling", "steps"), [("shi2015", 51), ("narrow", 11), ("wide", 101)])
def test_an_image_of_200_columns(pooling, steps: int) -> None:
    module = built(size="base", pooling=pooling, hidden_size=16)
    assert module.convolutions.output_size == 512, "height 1 is left"
    with torch.no_grad():
        encoding = module.encode(torch.zeros(2, 1, 32, 200), torch.tensor([200, 200]))
    assert encoding.states.shape == (2, steps, 32)
    assert encoding.lengths.tolist() == [steps, steps]


def test_output_is_steps_by_lines_by_characters() -> None:
    from datamodules.batching.batches import LineBatch

    module = built()
    with torch.no_grad():
        output = module(LineBatch(torch.rand(3, 1, 32, 200), torch.tensor([200, 120, 41])))
    assert output.log_probs.shape == (50, 3, 5)
    assert output.lengths.tolist() == [50, 30, 11]
    torch.testing.assert_close(output.log_probs.exp().sum(2), torch.ones(50, 3))


@pytest.mark.parametrize("settings", [{}, {"size": "base"}, {"size": "base", "pooling": "narrow"}, {"cell": "gru"}])
@pytest.mark.parametrize("width", [3, 33, 70])
def test_padding_never_reaches_a_line(settings: dict, width: int) -> None:
    module = built(**{"hidden_size": 8, **settings})
    for norm in module.modules():
        if isinstance(norm, torch.nn.BatchNorm2d):
            norm.running_mean.uniform_(-1, 1)
            norm.bias.data.uniform_(-1, 1)
    image = torch.rand(1, 1, 32, width)
    with torch.no_grad():
        alone = module.encode(image, torch.tensor([width]))
        beside = module.encode(torch.nn.functional.pad(image, (0, 45)), torch.tensor([width]))
    steps = int(alone.lengths)
    assert steps == int(beside.lengths) == alone.states.shape[1]
    torch.testing.assert_close(beside.states[:, :steps], alone.states, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("height", [16, 31, 48, 64])
def test_other_heights(height: int) -> None:
    module = built(height, hidden_size=8)
    with torch.no_grad():
        assert module.encode(torch.zeros(1, 1, height, 80), torch.tensor([80])).states.shape == (1, 20, 16)


def test_steps_say_how_long_the_features_are() -> None:
    stack = LineConvolutions(
        [Convolution(2, 5, 2, 2, pool=Pool((2, 2), partial=True)), Convolution(3, pool=Pool((2, 1), (2, 1), (0, 0)))],
        32,
    )
    for width in (3, 32, 33, 34, 35, 50):
        features = stack(torch.rand(1, 1, 32, width), torch.tensor([width]))
        assert features.shape[1:] == (int(stack.steps(torch.tensor([width]))), stack.output_size)


@pytest.mark.parametrize("height", [31, 32])
@pytest.mark.parametrize("bfloat16", [False, True])
@pytest.mark.parametrize("pool", [Pool((2, 2), partial=True), Pool((2, 2)), Pool((2, 1)), Pool((2, 2), (2, 1), (0, 1))])
def test_answering_takes_another_way_to_the_same_features(pool: Pool, height: int, bfloat16: bool) -> None:
    stack = LineConvolutions([Convolution(3, norm=True, pool=pool), Convolution(4, pool=pool)], height).eval()
    images, lengths = torch.rand(3, 1, height, 75), torch.tensor([75, 33, 74])
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        expected = stack(images, lengths)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        assert torch.equal(stack(images, lengths), expected)


def test_small_has_no_choice_of_poolings() -> None:
    with pytest.raises(BadInput, match=r"module\.pooling=wide: module\.size=base has a choice"):
        built(pooling="wide")
