"""The sector process against a reference library and against what it must not depend on."""

import math

import numpy as np
import pytest
import torch
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Kernel, StationaryKernelMixin
from torch import Tensor

from surrogates.domains.radio.measured import antennas
from surrogates.domains.radio.measured.process import CHANNELS, SectorProcess

CELLS = 24


def sector(seed: int = 0, cells: int = CELLS) -> Tensor:
    """Channels of an antenna in the middle of open ground, 10 m cells, 20 m above the receivers."""
    steps = (torch.arange(cells, dtype=torch.float32) + 0.5 - cells / 2) * 10.0
    north, east = torch.meshgrid(steps + 3.0, steps + 2.0, indexing="ij")
    ground = torch.hypot(north, east)
    distance, bearing = torch.hypot(ground, torch.tensor(20.0)), torch.atan2(east, north)
    generator = torch.Generator().manual_seed(seed)
    channels = torch.zeros(1, len(CHANNELS), cells, cells)
    values = {
        "free space": -2.0 * torch.log10(distance) - 4.4,
        "log distance": torch.log10(distance / 100.0),
        "cosine off boresight": bearing.cos(),
        "sine off boresight": bearing.sin(),
        "depression": torch.atan2(torch.tensor(20.0), ground),
        "share of buildings": torch.rand(cells, cells, generator=generator),
        "excess": -torch.rand(cells, cells, generator=generator),
        "east": east / 100.0,
        "north": north / 100.0,
    }
    for name, value in values.items():
        channels[0, CHANNELS[name]] = value
    return channels


def measured(channels: Tensor, rsrp: Tensor, count: int, seed: int = 0) -> Tensor:
    """The channels with `count` measured cells, dBm."""
    places = torch.randperm(rsrp.numel(), generator=torch.Generator().manual_seed(seed))[:count]
    given = channels.clone()
    given[0, CHANNELS["measured"]].view(-1)[places] = 1.0
    given[0, CHANNELS["measurement"]].view(-1)[places] = (rsrp.flatten()[places] + 100.0) / 10.0
    return given


def rsrp_of(channels: Tensor, antenna: antennas.Antenna, level: float = 20.0) -> Tensor:
    """Free space and one antenna, dBm."""
    offset = torch.atan2(
        channels[0, CHANNELS["sine off boresight"]], channels[0, CHANNELS["cosine off boresight"]]
    )
    gain = antenna.gain(offset, channels[0, CHANNELS["depression"]])
    return level + 15.0 * channels[0, CHANNELS["free space"]] + gain


def panel(width: float = 65.0, vertical: float = 15.0, back: float = 35.0) -> antennas.Antenna:
    numbers = (math.radians(width), math.radians(vertical), math.radians(6.0), back, 25.0)
    return antennas.Antenna(*map(torch.tensor, numbers))


class Covariance(StationaryKernelMixin, Kernel):  # type: ignore[misc]
    """The process's own covariance, written again with loops, for scikit-learn."""

    def __init__(self, process: SectorProcess) -> None:
        self.process = process

    def __call__(self, x: np.ndarray, y: np.ndarray | None = None, eval_gradient: bool = False) -> np.ndarray:
        y = x if y is None else y
        parameters = {
            name: value.detach().double().numpy() for name, value in self.process.named_parameters()
        }
        row = {name: x[:, place] for name, place in CHANNELS.items()}
        column = {name: y[:, place] for name, place in CHANNELS.items()}

        def radial(names: tuple[str, ...], lengths: np.ndarray) -> np.ndarray:
            parts = [
                np.subtract.outer(row[n], column[n]) / s for n, s in zip(names, np.exp(lengths), strict=True)
            ]
            return np.asarray(np.sum(np.square(parts), axis=0))

        total = np.full((len(x), len(y)), 100.0)
        linear = ("log distance", "excess", "knife-edge loss", "sight", "blocked length")
        for name, logarithm in zip(linear, parameters["amplitudes"], strict=True):
            total += np.exp(2.0 * logarithm) * np.outer(row[name], column[name])
        bearing = ("cosine off boresight", "sine off boresight")
        smooth = {
            "bearing": bearing,
            "distance": ("log distance",),
            "bearing and distance": (*bearing, "log distance"),
            "surroundings": ("clearance", "blocked length", "share of buildings"),
        }
        for (name, names), logarithm in zip(smooth.items(), parameters["smooth_amplitudes"], strict=True):
            total += np.exp(2.0 * logarithm - 0.5 * radial(names, parameters[f"lengths.{name}"]))
        rough, length, _ = parameters["rough"]
        apart = np.sqrt(radial(("east", "north"), np.zeros(2)))
        return np.asarray(total + np.exp(2.0 * rough - apart / np.exp(length)))

    def diag(self, x: np.ndarray) -> np.ndarray:
        return np.diag(self(x)).copy()


def test_posterior_is_that_of_scikit_learn_where_one_antenna_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    antenna = panel()
    monkeypatch.setattr(antennas, "family", lambda: torch.stack(list(antenna)).double()[None])
    process = SectorProcess(len(CHANNELS), 2)
    channels = sector()
    rsrp = rsrp_of(channels, antenna) + 4.0 * torch.randn(
        CELLS, CELLS, generator=torch.Generator().manual_seed(1)
    )
    given = measured(channels, rsrp, 60)
    with torch.no_grad():
        mean, log_variance = process(given)[0].double()

    table = given[0].flatten(1).T.double().numpy()
    known = table[:, CHANNELS["measured"]] > 0
    level, slope, belief = process.mean.detach().double().numpy()
    prior = level + slope * table[:, CHANNELS["free space"]] + belief * table[:, CHANNELS["excess"]]
    prior = (
        prior
        + (rsrp_of(channels, antenna, 0.0) - 15.0 * channels[0, CHANNELS["free space"]]).flatten().numpy()
        / 10
    )
    nugget = math.exp(2.0 * float(process.rough[2].detach()))
    reference = GaussianProcessRegressor(Covariance(process), alpha=nugget + 1e-6, optimizer=None)
    reference.fit(table[known], (table[:, CHANNELS["measurement"]] - prior)[known])
    rest, deviation = reference.predict(table, return_std=True)
    np.testing.assert_allclose(mean.flatten(), -100.0 + 10.0 * (prior + rest), atol=1e-2)

    white = np.linalg.solve(reference.L_, (table[:, CHANNELS["measurement"]] - prior)[known])
    trust = float(process.trust.detach().exp())
    scale = (trust + white @ white) / (trust + known.sum())
    np.testing.assert_allclose(
        log_variance.flatten().exp(), 100.0 * scale * (deviation**2 + nugget), rtol=1e-3
    )


def test_a_level_that_all_readings_share_moves_the_map_by_itself_alone() -> None:
    process, channels = SectorProcess(len(CHANNELS), 2), sector()
    rsrp = rsrp_of(channels, panel())
    with torch.no_grad():
        one, two = (process(measured(channels, rsrp + step, 80)) for step in (0.0, 13.0))
    torch.testing.assert_close(two[:, 0], one[:, 0] + 13.0, atol=0.1, rtol=0.0)


@pytest.mark.parametrize("back", [25.0, 45.0])
def test_readings_in_front_and_behind_tell_the_front_to_back_ratio(back: float) -> None:
    channels = sector()
    given = measured(channels, rsrp_of(channels, panel(back=back)), 150)
    process = SectorProcess(len(CHANNELS), 2)
    with torch.no_grad():
        weights = process._given(given).weights[0]
    chosen = (weights[:, None] * antennas.family()).sum(0)
    assert float(chosen[3]) == pytest.approx(back, abs=5.0)


def test_a_held_out_main_beam_is_predicted_from_the_sides_better_than_by_the_distance_alone() -> None:
    channels = sector()
    rsrp = rsrp_of(channels, panel())
    front = channels[0, CHANNELS["cosine off boresight"]] > 0.7
    given = measured(channels, rsrp, 300)
    given[0, -2:, front] = 0.0
    with torch.no_grad():
        mean = SectorProcess(len(CHANNELS), 2)(given)[0, 0]
    known = given[0, CHANNELS["measured"]] > 0
    design = torch.stack([torch.ones_like(rsrp), channels[0, CHANNELS["log distance"]]], dim=-1)
    line = design @ torch.linalg.lstsq(design[known], rsrp[known, None]).solution

    def error(answer: Tensor) -> float:
        return float((answer - rsrp)[front].square().mean().sqrt())

    assert error(mean) < 0.4 * error(line[..., 0])


def test_at_answers_like_the_whole_map() -> None:
    process, channels = SectorProcess(len(CHANNELS), 2), sector()
    given = measured(channels, rsrp_of(channels, panel()), 50)
    places = torch.tensor([[0, 7, 100, CELLS * CELLS - 1]])
    with torch.no_grad():
        whole, some = process(given).flatten(2), process.at(given, places)
    torch.testing.assert_close(some.mean.float(), whole[:, 0].gather(1, places), atol=1e-3, rtol=0.0)
    torch.testing.assert_close(
        some.variance.log().float(), whole[:, 1].gather(1, places), atol=1e-4, rtol=0.0
    )


def test_maps_of_a_batch_with_different_numbers_of_readings_do_not_touch_each_other() -> None:
    process, channels = SectorProcess(len(CHANNELS), 2), sector()
    rsrp = rsrp_of(channels, panel())
    few, many = measured(channels, rsrp, 5), measured(channels, rsrp, 90, seed=1)
    with torch.no_grad():
        together = process(torch.cat([few, many, channels]))
        alone = torch.cat([process(each) for each in (few, many, channels)])
    torch.testing.assert_close(together, alone, atol=2e-3, rtol=1e-4)


def test_without_readings_only_the_level_is_unknown() -> None:
    with torch.no_grad():
        mean, log_variance = SectorProcess(len(CHANNELS), 2)(sector())[0]
    assert bool(mean.isfinite().all())
    assert float((0.5 * log_variance).exp().min()) > 50.0


def test_gradients_reach_every_parameter() -> None:
    process, channels = SectorProcess(len(CHANNELS), 2), sector()
    given = measured(channels, rsrp_of(channels, panel()) + torch.randn(CELLS, CELLS), 50)
    given[:, CHANNELS["knife-edge loss"]] = torch.rand(CELLS, CELLS)
    given[:, CHANNELS["sight"]] = (torch.rand(CELLS, CELLS) > 0.5).float()
    given[:, CHANNELS["blocked length"]] = torch.rand(CELLS, CELLS)
    posterior = process.at(given, torch.arange(0, 500, 7)[None])
    (posterior.mean.square() / posterior.variance + posterior.variance.log()).sum().backward()
    for name, parameter in process.named_parameters():
        assert parameter.grad is not None, name
        assert bool(parameter.grad.isfinite().all()), name
        assert float(parameter.grad.abs().max()) > 0, name


def test_other_channels_are_refused_with_what_to_do() -> None:
    with pytest.raises(ValueError, match="radio/sector"):
        SectorProcess(3, 2)
