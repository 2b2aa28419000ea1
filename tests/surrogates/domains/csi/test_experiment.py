"""The experiment of CSI-4CAST: published sizes, and other networks in its place."""

from typing import Any

import pytest
import torch
from torch import nn

from surrogates.core.build import build
from surrogates.runs.compose import read


def network(points: int, *words: str) -> nn.Module:
    values: dict[str, Any] = read(["experiment=csi/csi4cast", "dataset=a.zarr", *words])
    facts = {"in_channels": 32, "out_channels": 8, "in_shape": (points,), "out_shape": (points,)}
    with torch.device("meta"):
        return build("models", values["model"], **facts)


@pytest.mark.parametrize(
    ("words", "weights"),
    [(["size=paper"], 21_913_750), (["size=paper_fdd", "task=csi/downlink"], 38_636_286)],
    ids=["TDD", "FDD"],
)
def test_paper_has_the_published_number_of_weights(words: list[str], weights: int) -> None:
    made = network(300, *words)
    assert sum(each.numel() for each in made.parameters()) == weights


@pytest.mark.parametrize("name", ["rnn", "cnn_autoencoder", "stem_gnn", "llm4cp"])
def test_tiny_takes_another_network_by_its_name(name: str) -> None:
    made = network(48, "size=tiny", f"model={name}").to_empty(device="cpu").eval()
    assert type(made).__name__.lower() == name.replace("_", "")
    assert made(torch.zeros(2, 32, 48)).shape == (2, 8, 48)
