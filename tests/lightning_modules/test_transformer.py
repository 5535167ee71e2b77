import math

import pytest
import torch
from torch import nn

from datamodules.errors import BadInput
from lightning_modules.layers.attention import MultiHeadAttention
from lightning_modules.layers.positions import PositionalEncoding
from lightning_modules.transformer import Transformer
from tests.lightning_modules.plain_task import PlainTask, PlainWritingTask


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_the_encoder_equals_torch_with_the_same_weights(norm: str) -> None:
    module = Transformer(PlainTask(8), hidden_size=8, num_layers=2, num_heads=2, dropout=0.0, norm=norm).eval()
    layer = nn.TransformerEncoderLayer(8, 2, 32, dropout=0.0, batch_first=True, norm_first=norm == "pre")
    final = nn.LayerNorm(8) if norm == "pre" else None
    reference = nn.TransformerEncoder(layer, 2, norm=final, enable_nested_tensor=False).eval()
    with torch.no_grad():
        for layer, reference_layer in zip(module.layers, reference.layers):
            give(layer, reference_layer)
        x, lengths = torch.randn(3, 6, 8), torch.tensor([6, 2, 4])
        positions = PositionalEncoding("sinusoidal", 8, 10)(torch.zeros(1, 6, 8))
        padding = torch.arange(6) >= lengths[:, None]
        expected = reference(x + positions, src_key_padding_mask=padding)
        got = module.encode(x, lengths).states
    for i, length in enumerate(lengths):
        torch.testing.assert_close(got[i, :length], expected[i, :length], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_the_decoder_equals_torch_with_the_same_weights(norm: str) -> None:
    task = PlainWritingTask(8, 8)
    module = Transformer(task, 8, 2, num_heads=2, dropout=0.0, norm=norm, decoder_layers=2).eval()
    layer = nn.TransformerDecoderLayer(8, 2, 32, dropout=0.0, batch_first=True, norm_first=norm == "pre")
    reference = nn.TransformerDecoder(layer, 2, norm=nn.LayerNorm(8) if norm == "pre" else None).eval()
    x, lengths, written = torch.randn(3, 6, 8), torch.tensor([6, 2, 4]), torch.randn(3, 5, 8)
    with torch.no_grad():
        for layer, reference_layer in zip(module.decoder_layers, reference.layers):
            give(layer, reference_layer)
        encoding = module.encode(x, lengths)
        got, _, weights = module.decode_step(written, module.init_decoder_state(encoding))
        positions = PositionalEncoding("sinusoidal", 8, 10)(torch.zeros(1, 5, 8))
        expected = reference(
            written + positions,
            encoding.states,
            tgt_mask=nn.Transformer.generate_square_subsequent_mask(5),
            memory_key_padding_mask=torch.arange(6) >= lengths[:, None],
        )
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(weights.sum(dim=2), torch.ones(3, 5))
    assert not weights[1, :, 2:].any(), "padding is not read"


def give(layer: nn.Module, reference_layer: nn.Module) -> None:
    """Copy the weights of a layer to the corresponding layer of torch."""
    pairs = [(layer.attention, reference_layer.self_attn)]
    norms = [layer.attention_norm, layer.feed_forward_norm]
    if hasattr(layer, "cross_attention"):
        pairs.append((layer.cross_attention, reference_layer.multihead_attn))
        norms.insert(1, layer.cross_attention_norm)
    for attention, other in pairs:
        other.in_proj_weight.copy_(torch.cat([attention.query.weight, attention.key_value.weight]))
        other.in_proj_bias.copy_(torch.cat([attention.query.bias, attention.key_value.bias]))
        other.out_proj.load_state_dict(attention.output.state_dict())
    reference_layer.linear1.load_state_dict(layer.feed_forward[0].state_dict())
    reference_layer.linear2.load_state_dict(layer.feed_forward[3].state_dict())
    for number, norm in enumerate(norms, 1):
        getattr(reference_layer, f"norm{number}").load_state_dict(norm.state_dict())


def test_attention_is_the_formula() -> None:
    attention = MultiHeadAttention(6, num_heads=2, dropout=0.0)
    x, mask = torch.randn(1, 4, 6), torch.tensor([True, True, True, False])
    query = attention.query(x)[0]
    key, value = attention.key_value(x)[0].chunk(2, dim=1)
    joined = []
    for head in (slice(0, 3), slice(3, 6)):
        scores = query[:, head] @ key[:, head].t() / math.sqrt(3)
        weights = torch.zeros(4, 4)
        for t in range(4):
            exponentials = [math.exp(scores[t, s].item()) if mask[s] else 0.0 for s in range(4)]
            weights[t] = torch.tensor(exponentials) / sum(exponentials)
        joined.append(weights @ value[:, head])
    torch.testing.assert_close(attention(x, x, mask[None, None, None]), attention.output(torch.cat(joined, 1))[None])


def test_sinusoidal_positions_are_the_paper_s() -> None:
    encoding = PositionalEncoding("sinusoidal", 5, 1)(torch.zeros(1, 7, 5))[0]
    for position in range(7):
        for i in range(5):
            angle = position / 10000 ** (2 * (i // 2) / 5)
            expected = math.sin(angle) if i % 2 == 0 else math.cos(angle)
            assert abs(encoding[position, i].item() - expected) < 1e-5


def test_learned_positions_have_an_end() -> None:
    module = Transformer(PlainTask(8), hidden_size=8, num_heads=2, positions="learned", max_length=5)
    module.encode(torch.randn(1, 5, 8), None)
    with pytest.raises(BadInput, match=r"a sequence of 6 steps: module\.positions=learned was made for 5"):
        module.encode(torch.randn(1, 6, 8), None)


def test_heads_have_to_share_the_features() -> None:
    with pytest.raises(BadInput, match=r"module\.num_heads=3: does not divide module\.hidden_size=8"):
        Transformer(PlainTask(8), hidden_size=8, num_heads=3)
