"""GPT-2's blocks against torch's own attention, and its weights from files."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from surrogates.core.errors import ConfigError
from surrogates.nn.gpt2 import GPT2, load_gpt2

WIDTH, DEPTH, HEADS, POSITIONS = 8, 3, 2, 7


def published(prefix: str = "") -> dict[str, Tensor]:
    """Weights of a small model with the names and the shapes (in, out) of Hugging Face's files."""
    rng = torch.Generator().manual_seed(0)
    shapes = {"wte.weight": (11, WIDTH), "wpe.weight": (POSITIONS, WIDTH)}
    for block in range(DEPTH):
        shapes |= {
            f"h.{block}.attn.c_attn.weight": (WIDTH, 3 * WIDTH),
            f"h.{block}.attn.c_attn.bias": (3 * WIDTH,),
            f"h.{block}.attn.c_proj.weight": (WIDTH, WIDTH),
            f"h.{block}.attn.c_proj.bias": (WIDTH,),
            f"h.{block}.mlp.c_fc.weight": (WIDTH, 4 * WIDTH),
            f"h.{block}.mlp.c_fc.bias": (4 * WIDTH,),
            f"h.{block}.mlp.c_proj.weight": (4 * WIDTH, WIDTH),
            f"h.{block}.mlp.c_proj.bias": (WIDTH,),
            f"h.{block}.attn.bias": (1, 1, POSITIONS, POSITIONS),
        }
    for norm in ("ln_f", *(f"h.{block}.ln_{number}" for block in range(DEPTH) for number in (1, 2))):
        shapes |= {f"{norm}.weight": (WIDTH,), f"{norm}.bias": (WIDTH,)}
    return {prefix + name: torch.randn(shape, generator=rng) for name, shape in shapes.items()}


def reference(weights: dict[str, Tensor], tokens: Tensor, depth: int) -> Tensor:
    """Radford et al. 2019 with torch's multi-head attention and a mask."""
    length = tokens.shape[1]
    mask = torch.triu(torch.ones(length, length, dtype=torch.bool), diagonal=1)

    def norm(name: str, values: Tensor) -> Tensor:
        return functional.layer_norm(values, (WIDTH,), weights[f"{name}.weight"], weights[f"{name}.bias"])

    tokens = tokens + weights["wpe.weight"][:length]
    for block in range(depth):
        name = f"h.{block}"
        attention = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
        attention.load_state_dict(
            {
                "in_proj_weight": weights[f"{name}.attn.c_attn.weight"].T,
                "in_proj_bias": weights[f"{name}.attn.c_attn.bias"],
                "out_proj.weight": weights[f"{name}.attn.c_proj.weight"].T,
                "out_proj.bias": weights[f"{name}.attn.c_proj.bias"],
            }
        )
        given = norm(f"{name}.ln_1", tokens)
        tokens = tokens + attention(given, given, given, attn_mask=mask, need_weights=False)[0]
        hidden = norm(f"{name}.ln_2", tokens) @ weights[f"{name}.mlp.c_fc.weight"]
        hidden = hidden + weights[f"{name}.mlp.c_fc.bias"]
        cubic = hidden + 0.044715 * hidden**3
        hidden = hidden * (1 + torch.tanh((2 / torch.pi) ** 0.5 * cubic)) / 2
        tokens = tokens + hidden @ weights[f"{name}.mlp.c_proj.weight"] + weights[f"{name}.mlp.c_proj.bias"]
    return norm("ln_f", tokens)


@pytest.mark.parametrize(("prefix", "depth", "vocabulary"), [("", 3, 0), ("transformer.", 2, 11)])
def test_published_weights_answer_as_by_torchs_attention(
    prefix: str, depth: int, vocabulary: int, tmp_path: Path
) -> None:
    """Only the first blocks are taken; masks, and the words if they are not wanted, are left out."""
    save_file(published(prefix), tmp_path / "model.safetensors")
    net = GPT2(WIDTH, depth, HEADS, POSITIONS, vocabulary).eval()
    load_gpt2(net, tmp_path / "model.safetensors")
    tokens = torch.randn(2, 5, WIDTH)
    torch.testing.assert_close(net(tokens), reference(published(), tokens, depth), rtol=1e-4, atol=1e-5)
    if vocabulary:
        torch.testing.assert_close(net.wte.weight.detach(), published()["wte.weight"])


def test_no_token_sees_a_later_one() -> None:
    net, tokens = GPT2(WIDTH, 2, HEADS, POSITIONS).eval(), torch.randn(2, 6, WIDTH)
    later = tokens.clone()
    later[:, 4:] *= -1
    torch.testing.assert_close(net(tokens)[:, :4], net(later)[:, :4])
    assert not torch.allclose(net(tokens)[:, 4:], net(later)[:, 4:])


def test_weights_begin_as_gpt2s() -> None:
    torch.manual_seed(0)
    net = GPT2(64, 8, 4, 32)
    assert float(net.h[0].attn.c_attn.weight.detach().std()) == pytest.approx(0.02, rel=0.05)
    assert float(net.h[0].mlp.c_proj.weight.detach().std()) == pytest.approx(0.02 / 4, rel=0.05)
    assert not net.h[0].mlp.c_fc.bias.any()


def test_files_that_do_not_fit_are_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_file(published(), path)
    for net, message in (
        (GPT2(WIDTH, 4, HEADS, POSITIONS), r"lacks weights of GPT-2: .*h\.3\..*as many blocks or more$"),
        (GPT2(WIDTH, 1, HEADS, 9), r"'wpe.weight' has shape \(7, 8\), that of the network \(9, 8\); give"),
    ):
        before = net.wpe.weight.clone()
        with pytest.raises(ConfigError, match=message):
            load_gpt2(net, path)
        torch.testing.assert_close(net.wpe.weight, before, rtol=0, atol=0)
    path.write_bytes(b"no weights")
    with pytest.raises(ConfigError, match="no intact safetensors file"):
        load_gpt2(GPT2(WIDTH, 1, HEADS, POSITIONS), path)
    with pytest.raises(ConfigError, match="no intact safetensors file"):
        load_gpt2(GPT2(WIDTH, 1, HEADS, POSITIONS), tmp_path / "missing.safetensors")
    torch.save(published(), tmp_path / "pytorch_model.bin")
    with pytest.raises(
        ConfigError, match=r"^[^\n]*pytorch_model.bin is no intact.*pickles are not read; give the"
    ):
        load_gpt2(GPT2(WIDTH, 1, HEADS, POSITIONS), tmp_path / "pytorch_model.bin")


def test_more_tokens_than_positions_are_refused() -> None:
    with pytest.raises(ValueError, match="7 positions, found 8 tokens"):
        GPT2(WIDTH, 1, HEADS, POSITIONS)(torch.randn(1, 8, WIDTH))
