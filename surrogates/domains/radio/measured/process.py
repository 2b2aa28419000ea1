"""A Gaussian process for one sector's map, with all antennas of a family as hypotheses of its mean.

The first stage predicts what buildings do to an isotropic antenna, the family what a panel adds, and the
measurements of the map weigh the antennas and correct the rest. Lengths and amplitudes of the
covariance, and how far the first stage is believed, are learned on ray-traced cities.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from surrogates.core.ranges import Count
from surrogates.domains.radio.channels.interpolation import known_cells
from surrogates.domains.radio.channels.sector import LEVEL, TEN_DECIBELS, SectorChannels
from surrogates.domains.radio.measured import antennas

CHANNELS = {name: index for index, name in enumerate(SectorChannels.channel_names)}
UNKNOWN_LEVEL = 10.0  # 10 dB; transmit power and cable losses are unknown
JITTER = 1e-6
NUMBERS_AT_ONCE = 1 << 24  # of the largest intermediate array

# Where training begins: amplitudes in 10 dB, lengths in the units of the channels.
AMPLITUDES = {"slope": 0.7, "excess": 0.3, "knife edge": 0.15, "sight": 0.15, "blocked": 0.15}
SMOOTH: dict[str, tuple[float, dict[str, float]]] = {
    "bearing": (0.3, {"cosine off boresight": 0.8, "sine off boresight": 0.8}),
    "distance": (0.3, {"log distance": 0.3}),
    "bearing and distance": (
        0.3,
        {"cosine off boresight": 0.7, "sine off boresight": 0.7, "log distance": 0.4},
    ),
    "surroundings": (0.4, {"clearance": 1.0, "blocked length": 1.0, "share of buildings": 0.5}),
}
LINEAR = {
    "slope": "log distance",
    "excess": "excess",
    "knife edge": "knife-edge loss",
    "sight": "sight",
    "blocked": "blocked length",
}


class Posterior(NamedTuple):
    """Posterior at some cells, (batch, cells): mean in dBm and variance in dB squared."""

    mean: Tensor
    variance: Tensor


class SectorProcess(nn.Module):
    """Gaussian process on the channels of `SectorChannels`, given their measured cells.

    For antenna h the mean is ``level + slope free + belief excess + gain_h``. The covariance is the sum of a
    constant (the level is unknown), linear terms, smooth functions of bearing, distance and surroundings
    (squared exponential), and rough shadowing on position (Matern 1/2); a nugget stands for the cell. Every
    antenna counts by its marginal likelihood at the learned scale, tempered. The overall variance of the
    answer has an inverse gamma prior about what was learned, so that a map rougher or smoother than the
    traced ones widens or narrows its errors.

    Parameters
    ----------
    in_channels, out_channels
        Those of the channels, and 2: mean (dBm) and logarithm of the variance (dB squared).
    samples
        At most this many measured cells of a map are used, spread evenly over them.

    References
    ----------
    C. E. Rasmussen, C. K. I. Williams, "Gaussian Processes for Machine Learning", 2006, sections 2.2, 2.7
    and 5.2. J. A. Hoeting et al., "Bayesian model averaging: a tutorial", Statistical Science 14, 1999.
    """

    def __init__(self, in_channels: int, out_channels: int, samples: Count = 512) -> None:
        super().__init__()
        if (in_channels, out_channels) != (len(CHANNELS), 2):
            raise ValueError(
                f"radio/sector_process makes 2 channels of the {len(CHANNELS)} of the transform "
                f"'radio/sector', found {out_channels} from {in_channels}; take "
                "task.transform.name=radio/sector and the "
                "objective 'radio/process_likelihood' with task.head=gaussian"
            )
        self.samples = samples
        self.amplitudes = _logarithms(AMPLITUDES)
        self.smooth_amplitudes = _logarithms({name: value for name, (value, _) in SMOOTH.items()})
        self.lengths = nn.ParameterDict(
            {name: _logarithm(list(lengths.values())) for name, (_, lengths) in SMOOTH.items()}
        )
        self.rough = _logarithm([0.5, 0.4, 0.3])  # amplitude, 10 dB; length, 100 m; nugget, 10 dB
        self.mean = nn.Parameter(torch.tensor([15.0, 1.5, 0.3]))  # level, 10 dB over -100 dBm; slope; belief
        self.temper = nn.Parameter(torch.tensor(-1.0))  # logit of the exponent of the likelihood
        self.trust = _logarithm([30.0])  # cells that the learned amplitude is worth against those of the map

    def forward(self, channels: Tensor) -> Tensor:
        """Return mean and logarithm of the variance of every cell, (batch, 2, y, x)."""
        batch, _, ny, nx = channels.shape
        given = self._given(channels)
        step = max(1, NUMBERS_AT_ONCE // (batch * max(len(_family(channels)), given.columns)))
        blocks = [self._posterior(given, cells) for cells in channels.flatten(2).double().split(step, dim=2)]
        mean = torch.cat([block.mean for block in blocks], dim=1)
        variance = torch.cat([block.variance for block in blocks], dim=1)
        return torch.stack([mean, variance.log()], dim=1).view(batch, 2, ny, nx).float()

    def at(self, channels: Tensor, cells: Tensor) -> Posterior:
        """Return the posterior at some cells.

        Parameters
        ----------
        channels
            Shape (batch, channel, y, x).
        cells
            Flat indices, (batch, cells).
        """
        asked = _take(channels.flatten(2).double(), cells)
        return self._posterior(self._given(channels), asked)

    def _given(self, channels: Tensor) -> "_Given":
        """Factor the covariance of the measured cells and weigh the antennas."""
        flat = channels.flatten(2).double()
        measured = flat[:, CHANNELS["measured"]] > 0
        indices, known = known_cells(
            torch.where(measured, 0.0, torch.nan).view(len(flat), *channels.shape[-2:]), self.samples
        )
        cells = _take(flat, indices)
        covariance = self.covariance(cells, cells) * (known[:, :, None] & known[:, None, :])
        identity = torch.eye(known.shape[1], dtype=flat.dtype, device=flat.device)
        factor = torch.linalg.cholesky(covariance + identity * (self._nugget + JITTER + (~known)[:, None, :]))
        measurement = cells[:, CHANNELS["measurement"], :, None]
        rest = (measurement - self._means(cells).transpose(1, 2)) * known[:, :, None]
        white = torch.linalg.solve_triangular(factor, rest, upper=False)
        misfit = white.square().sum(1)  # (batch, antennas)
        weights = torch.softmax(-0.5 * misfit * torch.sigmoid(self.temper.double()), dim=1)
        trust, found = self.trust.double().exp(), (weights * misfit).sum(1)
        scale = (trust + found) / (trust + known.sum(1))
        return _Given(cells, known, factor, white, weights, scale)

    def _posterior(self, given: "_Given", asked: Tensor) -> Posterior:
        towards = self.covariance(given.cells, asked) * given.known[:, :, None]
        explaining = torch.linalg.solve_triangular(given.factor, towards, upper=False)
        by_antenna = self._means(asked).transpose(1, 2) + explaining.transpose(1, 2) @ given.white
        mean = (by_antenna @ given.weights[:, :, None]).squeeze(2)
        between = ((by_antenna - mean[:, :, None]).square() @ given.weights[:, :, None]).squeeze(2)
        within = self._variance(asked) + self._nugget - explaining.square().sum(1)
        variance = given.scale[:, None] * within.clamp(min=JITTER) + between
        return Posterior(LEVEL + TEN_DECIBELS * mean, TEN_DECIBELS**2 * variance)

    def covariance(self, one: Tensor, two: Tensor) -> Tensor:
        """Return the covariance between cells, without nugget, in (10 dB) squared.

        Parameters
        ----------
        one, two
            Channels of cells, (batch, channel, cells).
        """
        amplitude = self.amplitudes.double().exp()
        weighted = amplitude[None, :, None] * _pick(one, LINEAR.values())
        total = UNKNOWN_LEVEL**2 + (weighted * amplitude[None, :, None]).transpose(1, 2) @ _pick(
            two, LINEAR.values()
        )
        for (name, (_, lengths)), amplitude in zip(
            SMOOTH.items(), self.smooth_amplitudes.double().exp(), strict=True
        ):
            scale = self.lengths[name].double().exp()[None, :, None]
            apart = _squared_distance(_pick(one, lengths) / scale, _pick(two, lengths) / scale)
            total = total + amplitude**2 * torch.exp(-0.5 * apart)
        rough, length, _ = self.rough.double().exp()
        apart = _squared_distance(_pick(one, ("east", "north")), _pick(two, ("east", "north")))
        return total + rough**2 * torch.exp(-(apart + 1e-12).sqrt() / length)

    def _variance(self, cells: Tensor) -> Tensor:
        """Return the diagonal of `covariance`."""
        amplitude = self.amplitudes.double().exp()[None, :, None]
        linear = (amplitude * _pick(cells, LINEAR.values())).square().sum(1)
        smooth = self.smooth_amplitudes.double().exp().square().sum()
        return UNKNOWN_LEVEL**2 + linear + smooth + self.rough[0].double().exp() ** 2

    def _means(self, cells: Tensor) -> Tensor:
        """Return the mean of every antenna, (batch, antennas, cells)."""
        level, slope, belief = self.mean.double()
        shared = level + slope * cells[:, CHANNELS["free space"]] + belief * cells[:, CHANNELS["excess"]]
        offset = torch.atan2(
            cells[:, CHANNELS["sine off boresight"]], cells[:, CHANNELS["cosine off boresight"]]
        )
        parameters = _family(cells).T[:, None, :, None]
        gain = antennas.Antenna(*parameters).gain(
            offset[:, None, :], cells[:, CHANNELS["depression"], None, :]
        )
        return shared[:, None, :] + gain / TEN_DECIBELS

    @property
    def _nugget(self) -> Tensor:
        return (2.0 * self.rough[2].double()).exp()


class _Given(NamedTuple):
    """Measured cells of a batch of maps and their likelihood; padded cells are not `known`."""

    cells: Tensor  # (batch, channel, cells)
    known: Tensor  # (batch, cells)
    factor: Tensor  # (batch, cells, cells)
    white: Tensor  # (batch, cells, antennas)
    weights: Tensor  # (batch, antennas)
    scale: Tensor  # (batch,), of the variance

    @property
    def columns(self) -> int:
        return self.known.shape[1]


def _family(like: Tensor) -> Tensor:
    return antennas.family().to(like.device)


def _take(flat: Tensor, indices: Tensor) -> Tensor:
    """Return cells of a flattened map, (batch, channel, cells)."""
    return flat.gather(2, indices[:, None, :].expand(-1, flat.shape[1], -1))


def _pick(cells: Tensor, names: object) -> Tensor:
    return cells[:, [CHANNELS[name] for name in names]]  # type: ignore[attr-defined]


def _squared_distance(one: Tensor, two: Tensor) -> Tensor:
    """Return the squared distance between all pairs of columns, (batch, cells, cells)."""
    inner = one.transpose(1, 2) @ two
    squares = one.square().sum(1)[:, :, None] + two.square().sum(1)[:, None, :]
    return (squares - 2.0 * inner).clamp(min=0.0)


def _logarithm(values: list[float]) -> nn.Parameter:
    return nn.Parameter(torch.tensor([math.log(value) for value in values]))


def _logarithms(values: dict[str, float]) -> nn.Parameter:
    return _logarithm(list(values.values()))
