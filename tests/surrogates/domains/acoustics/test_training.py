"""The network learns a room: the published network's small twin, on data of the recipe."""

import pytest
import torch

from surrogates.domains.acoustics.transforms import RoomPoints
from surrogates.models.deeponet import DeepONet
from tests.surrogates.domains.acoustics.rooms import simulated

CPU = {"highest_frequency": 400.0, "size": (2.0, 2.0), "duration": 0.012, "points": 6000, "source_grid": 9}


@pytest.mark.slow
def test_unseen_sources_are_learned_in_a_thousand_steps() -> None:
    context, batch = simulated(
        **CPU, time_samples=28, test_sources=((0.7, 0.7), (1.1, 1.3)), validation_sources=8
    )
    transform = RoomPoints(context, speed_of_sound=343.0, highest_frequency=400.0)
    channels = transform.forward(batch).channels
    branch, trunk, pressure = channels["branch"].float(), channels["trunk"].float(), batch["sound_pressure"]
    torch.manual_seed(0)
    network = DeepONet(transform.in_channels, 1, transform.in_shape, width=192, depth=3, products=64)
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3)
    rng = torch.Generator().manual_seed(0)
    seen, scale = 81, float(pressure.std())
    for step in range(1000):
        for group in optimiser.param_groups:
            group["lr"] = 1e-3 * 0.9 ** (step / 500)
        rows = torch.randint(seen, (32,), generator=rng)
        points = torch.randint(trunk.shape[0], (1500,), generator=rng)
        loss = (
            (network(branch[rows], trunk[points])[:, 0] - pressure[rows][:, points] / scale).square().mean()
        )
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
    with torch.no_grad():  # sources between those of training, up to the end of their region
        error = scale * network(branch[seen:], trunk)[:, 0] - pressure[seen:]
    assert float(error.norm() / pressure[seen:].norm()) < 0.25
