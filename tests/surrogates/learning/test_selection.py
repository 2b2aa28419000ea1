"""Weights by patterns: found, frozen, grouped."""

import pytest
import torch
from torch import nn

from surrogates.core.errors import ConfigError
from surrogates.learning.selection import freeze, grouped, matching


def network():
    torch.manual_seed(0)
    return nn.ModuleDict(
        {
            "encoder": nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5)),
            "decoder": nn.Linear(4, 2),
        }
    )


def test_an_unknown_pattern_is_answered_with_the_nearest():
    with pytest.raises(ConfigError, match=r"trainer.freeze: .*'encodr\.\*'\. Did you mean 'encoder\.\*'\?"):
        matching(["encoder.0.weight", "decoder.weight"], ["encodr.*"], "trainer.freeze")


def test_frozen_weights_and_statistics_stay_bit_identical():
    made = network().train()
    freeze(made, ["encoder.*"])
    before = {name: value.clone() for name, value in made.state_dict().items()}
    optimiser = torch.optim.SGD([each for each in made.parameters() if each.requires_grad], lr=0.1)
    for _ in range(3):
        made["decoder"](made["encoder"](torch.randn(8, 3))).square().mean().backward()
        optimiser.step()
    for name, value in made.state_dict().items():
        assert torch.equal(value, before[name]) == name.startswith("encoder"), name


def test_each_weight_is_in_the_group_of_its_first_pattern():
    made = network()
    groups = grouped(made, {"encoder.0.*": {"lr": 1e-5}, "encoder.*": {"lr": 1e-4}})
    assert [len(group["params"]) for group in groups] == [2, 2, 2]
    assert [group.get("lr") for group in groups] == [1e-5, 1e-4, None]
