"""GPT-2: its blocks on embedded tokens, and its published weights from a local file."""

from pathlib import Path
from typing import cast

from torch import Tensor, nn
from torch.nn import functional

from surrogates.core.errors import ConfigError
from surrogates.core.text import listing

PREFIX = "transformer."
"""What the names of the weights begin with in files that also hold a language head."""
TRANSPOSED = ("c_attn.weight", "c_proj.weight", "c_fc.weight")
"""What those files hold as (in, out), where a linear layer has (out, in)."""


class GPT2(nn.Module):
    """Causal transformer blocks that normalise first, with learned positions [1]_.

    Sub-modules have the names of the Hugging Face weights (`wpe`, `h.0.ln_1`, `h.0.attn.c_attn`, ...), of
    which `load_gpt2` reads a file. Otherwise the weights are random, drawn as GPT-2's were.

    Parameters
    ----------
    width
        Numbers of each token: 768 in `gpt2`, 1024 in `gpt2-medium`.
    depth
        Number of blocks, the first ones of the published 12 and 24.
    heads
        Parallel attentions, 64 numbers each as published.
    positions
        Longest sequence, 1024 as published.
    vocabulary
        Words whose embedding is kept although no word is asked: 50257 as published, 0 for none.
    dropout
        Share that is dropped in training of the embedded tokens, the attention and both branches of a block.

    References
    ----------
    .. [1] A. Radford et al., "Language models are unsupervised multitask learners", 2019.
    """

    def __init__(
        self,
        width: int,
        depth: int,
        heads: int,
        positions: int,
        vocabulary: int = 0,
        dropout: float = 0.1,
    ) -> None:
        if width % heads:
            raise ValueError(
                f"width is {width} with {heads} heads; expected a multiple of the heads, "
                f"e.g. {heads * max(1, round(width / heads))}"
            )
        super().__init__()
        if vocabulary:
            self.wte = nn.Embedding(vocabulary, width).requires_grad_(False)
        self.wpe = nn.Embedding(positions, width)
        self.h = nn.ModuleList(_Block(width, heads, dropout) for _ in range(depth))
        self.ln_f = nn.LayerNorm(width)
        self.drop = nn.Dropout(dropout)
        for name, weight in self.named_parameters():
            if weight.ndim == 2:
                last = name.endswith("c_proj.weight")
                nn.init.normal_(weight, std=0.02 / (2 * depth) ** 0.5 if last else 0.02)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map embedded tokens (batch, time, width) to the same shape; causal."""
        length, longest = tokens.shape[1], self.wpe.num_embeddings
        if length > longest:
            raise ValueError(
                f"GPT-2 has {longest} positions, found {length} tokens; give fewer, or take more positions"
            )
        tokens = self.drop(tokens + self.wpe.weight[:length])
        for block in self.h:
            tokens = block(tokens)
        return cast(Tensor, self.ln_f(tokens))


class _Block(nn.Module):
    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = _Attention(width, heads, dropout)
        self.mlp = _Perceptron(width)
        self.drop = nn.Dropout(dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.drop(self.attn(self.ln_1(tokens)))
        return cast(Tensor, tokens + self.drop(self.mlp(self.ln_2(tokens))))


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.c_attn, self.c_proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self._heads, self._dropout = heads, dropout
        for layer in (self.c_attn, self.c_proj):
            nn.init.zeros_(layer.bias)

    def forward(self, tokens: Tensor) -> Tensor:
        query, key, value = (
            part.unflatten(2, (self._heads, -1)).transpose(1, 2)
            for part in self.c_attn(tokens).chunk(3, dim=2)
        )
        dropout = self._dropout if self.training else 0.0
        seen = functional.scaled_dot_product_attention(query, key, value, dropout_p=dropout, is_causal=True)
        return cast(Tensor, self.c_proj(seen.transpose(1, 2).flatten(2)))


class _Perceptron(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.c_fc, self.c_proj = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        for layer in (self.c_fc, self.c_proj):
            nn.init.zeros_(layer.bias)

    def forward(self, tokens: Tensor) -> Tensor:
        return cast(Tensor, self.c_proj(functional.gelu(self.c_fc(tokens), approximate="tanh")))


def load_gpt2(network: GPT2, path: str | Path) -> None:
    """Give a stack of blocks the weights of a local safetensors file with Hugging Face's names.

    Blocks of the file beyond those of the network, causal masks and a language head are left out.

    Parameters
    ----------
    network
        As wide as the file's, with as many positions.
    path
        Such as ``model.safetensors`` of `gpt2` or `gpt2-medium`.

    Raises
    ------
    ConfigError
        When the file is none of safetensors, or lacks a weight, or has it in another shape.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            names = {name.removeprefix(PREFIX): name for name in file.keys()}  # noqa: SIM118
            wanted = network.state_dict()
            if lacking := [name for name in wanted if name not in names]:
                raise ConfigError(
                    f"{path} lacks weights of GPT-2: {listing(lacking[:5])}; give a file with Hugging Face's "
                    "names, of a model with as many blocks or more"
                )
            weights = {name: file.get_tensor(names[name]) for name in wanted}
    except (SafetensorError, OSError) as error:
        raise ConfigError(
            f"{path} is no intact safetensors file ({error}), and pickles are not read; give the "
            "model.safetensors of a GPT-2"
        ) from None
    for name, own in wanted.items():
        if name.endswith(TRANSPOSED):
            weights[name] = weights[name].T
        if weights[name].shape != own.shape:
            raise ConfigError(
                f"{path}: '{name}' has shape {tuple(weights[name].shape)}, that of the network "
                f"{tuple(own.shape)}; give a model of this size, or change width, positions or vocabulary"
            )
    network.load_state_dict(weights)
