"""The 3-D U-Net and the diffusion network of each size have as many parameters."""

from pathlib import Path

import pytest
import torch
import yaml
from torch import nn

from surrogates.core.build import build

EXPERIMENTS = Path(__file__).parents[5] / "conf/experiment/radio"
CHANNELS, TARGETS, SHAPE = 13, 5, (4, 32, 32)


def network(experiment: str, size: str) -> nn.Module:
    values = yaml.safe_load((EXPERIMENTS / f"{experiment}.yaml").read_text())
    node = values["model"] | values["sizes"][size]["model"]
    with torch.device("meta"):
        return build(
            "models", node, in_channels=CHANNELS, out_channels=TARGETS, noisy_channels=TARGETS, in_shape=SHAPE
        )


@pytest.mark.parametrize("size", ["tiny", "small", "paper"])
def test_networks_of_one_size_have_as_many_parameters(size: str) -> None:
    one, other = (
        sum(weight.numel() for weight in network(name, size).parameters())
        for name in ("unet_3d", "radiodiff_3d")
    )
    assert other == pytest.approx(one, rel=0.05)
