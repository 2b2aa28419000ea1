"""From physical inputs to physical targets: transform, normalise, network, denormalise, offset."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, cast

import torch
from torch import Tensor, nn

from surrogates.core.build import build, resolved
from surrogates.core.errors import ConfigError
from surrogates.core.text import listing
from surrogates.data.window import HORIZON
from surrogates.learning.layout import Layout, shared_grid
from surrogates.learning.normaliser import NORMALISERS, Normaliser, Whitening
from surrogates.learning.pipeline_config import PipelineConfig
from surrogates.learning.protocols import Batch, Transform, deviation_name
from surrogates.learning.tile import Tile

LARGEST_LOG_VARIANCE = 10.0  # of a normalised target: standard deviations from 0.7 % to 148 of the data's


class Link(Protocol):
    """How the targets, less their offset, appear to the network; each method keeps the shape.

    Shapes are (batch, target channel, *grid). What the network answers need not be in the targets' units:
    it may be a velocity where they are positions, or be turned with the direction of flight.
    """

    def encode(self, residual: Tensor) -> Tensor:
        """Return what the network should answer."""

    def decode(self, answer: Tensor) -> Tensor:
        """Undo `encode`."""

    def deviation(self, spread: Tensor) -> Tensor:
        """Return the standard deviations that follow from those of the network's answer."""


@dataclass(frozen=True)
class Features:
    """What a transform makes of the inputs.

    Attributes
    ----------
    channels
        Shape (batch, channel, *grid), in any units; NaN becomes the channel's mean.
    offset
        Shape (batch, target channel, *grid), in the targets' units, added to the network's answer; or None.
    link
        Between the network's answer and the targets less the offset; None where they are the same.
    """

    channels: Tensor
    offset: Tensor | None = None
    link: Link | None = None


def as_weight(mask: Tensor) -> Tensor:
    """Return a mask, bool or weights, as float32; what is unknown or negative does not count."""
    return mask.to(torch.float32).nan_to_num(0.0).clamp(min=0.0)


class Pipeline(nn.Module):
    """A network with all that surrounds it.

    Parameters
    ----------
    config
        Variables and nodes; `config` holds it with every default filled in.
    shared
        Parts of another pipeline to use instead of new ones.
    """

    def __init__(self, config: PipelineConfig, shared: "Parts | None" = None) -> None:
        super().__init__()
        self._require_record_dimension(config)
        about = {
            "inputs": config.inputs,
            "targets": config.targets,
            "record_dimension": config.record_dimension,
        }
        self.transform = cast(nn.Module, build("transforms", config.transform, **about))
        transform = cast(Transform, self.transform)
        default = shared_grid(config.inputs, config.targets, config.record_dimension)
        grid = tuple(getattr(transform, "grid", default))
        target_grid = tuple(getattr(transform, "target_grid", grid))
        self.layout = Layout(tuple(config.targets), target_grid, config.record_dimension)
        outputs = self.layout.channels * (2 if config.distribution == "gaussian" else 1)
        channels: dict[str, Any] = {
            "in_channels": transform.in_channels,
            "out_channels": outputs,
            "in_shape": Layout(tuple(config.inputs), grid, config.record_dimension).grid_shape,
            "out_shape": self.layout.grid_shape,
        }
        if HORIZON in target_grid:
            channels[HORIZON] = self.layout.grid_shape[target_grid.index(HORIZON)]
        self.network, self.input_normaliser, self.target_normaliser = shared or Parts(
            cast(nn.Module, build("models", config.network, **channels)),
            NORMALISERS[config.sides.inputs](transform.in_channels),
            NORMALISERS[config.sides.targets](self.layout.channels),
        )
        self.config = config.model_copy(
            update={
                "transform": resolved("transforms", config.transform, **about),
                "network": resolved("models", config.network, **channels),
            }
        )
        if config.both_ways and shared is None:
            self._require_both_ways()

    @classmethod
    def from_config(cls, config: PipelineConfig) -> "Pipeline":
        """Build the pipeline that a configuration describes, with fresh weights."""
        return cls(config)

    def reversed(self) -> "Pipeline":
        """Return the pipeline of the other direction; it shares network and normalisers with this one.

        Raises
        ------
        ConfigError
            When the pipeline knows one direction alone.
        """
        if not self.config.both_ways:
            raise ConfigError(
                f"the network answers {listing(self.target_names)} from {listing(self.input_names)}, not the "
                "other way round; train one with task.both_ways=true"
            )
        if "_other_way" not in self.__dict__:
            parts = Parts(Reverse(self.network), self.target_normaliser, self.input_normaliser)
            # Past nn.Module's registration: the parameters are this pipeline's and count once.
            object.__setattr__(self, "_other_way", Pipeline(self.config.reversed(), parts))
        return cast(Pipeline, self.__dict__["_other_way"])

    @property
    def input_names(self) -> list[str]:
        """Names of the input variables."""
        return [spec.name for spec in self.config.inputs]

    @property
    def target_names(self) -> list[str]:
        """Names of the target variables."""
        return [spec.name for spec in self.config.targets]

    def forward(self, inputs: Mapping[str, Tensor]) -> Batch:
        """Return the targets in physical units.

        Parameters
        ----------
        inputs
            Input variables in the units of their specs, batch first.
        """
        return self.answer(self.features(inputs))

    def answer(self, features: Features) -> Batch:
        """Return the targets in physical units for channels that are known already."""
        if self.config.distribution is None:
            mean, spread = self.normalised(features), None
        else:
            mean, log_variance = self.gaussian(features)
            spread = self._spread(features, log_variance)
        answer = self.target_normaliser.inverse(mean)
        if features.link is not None:
            answer = features.link.decode(answer)
        if features.offset is not None:
            answer = answer + features.offset
        targets = self.layout.unpack(answer)
        if spread is not None:
            deviations = self.layout.unpack(spread)
            targets |= {deviation_name(name): value for name, value in deviations.items()}
        return targets

    def features(self, inputs: Mapping[str, Tensor]) -> Features:
        """Return the transform's channels and offset."""
        if isinstance(inputs, Tile) and getattr(self.transform, "takes_tiles", False):
            return cast(Features, self.transform(inputs))
        return cast(Features, self.transform({spec.name: inputs[spec.name] for spec in self.config.inputs}))

    def normalised(self, features: Features) -> Tensor:
        """Return the network's answer in normalised units, float32.

        Its shape is (batch, target channel, *grid), twice as many channels where it is a distribution.
        """
        channels = self.input_normaliser(features.channels)
        channels = torch.nan_to_num(channels, nan=0.0, posinf=float("inf"), neginf=float("-inf"))
        return cast(Tensor, self.network(channels)).float()

    def gaussian(self, features: Features) -> tuple[Tensor, Tensor]:
        """Return mean and log variance in normalised units, each (batch, target channel, *grid).

        The log variance is bounded smoothly, so that no gradient vanishes and no exponential overflows. Where
        nothing is normalised its size says nothing, and the network's own answer stands.
        """
        mean, raw = self.normalised(features).chunk(2, dim=1)
        if not getattr(self.transform, "normalise", True):
            return mean, raw
        return mean, LARGEST_LOG_VARIANCE * torch.tanh(raw / LARGEST_LOG_VARIANCE)

    def walked(self, batch: Mapping[str, Tensor], features: Features, log_variance: Tensor) -> Tensor:
        """Return the log variance with that of the past, where the past was forecast itself.

        The batch then holds `<target>_standard_deviation` of its end (`surrogates.learning.predictors.
        moved_on`). The sum is taken in the targets' units, cell by cell.
        """
        carried = {name: batch.get(deviation_name(name)) for name in self.target_names}
        known = {name: value for name, value in carried.items() if value is not None}
        if len(known) < len(carried):
            return log_variance
        ratio = self.layout.pack(known) / self._spread(features, log_variance)
        return log_variance + torch.log1p(ratio.square())

    def _spread(self, features: Features, log_variance: Tensor) -> Tensor:
        """Return standard deviations in the targets' units, (batch, target channel, *grid)."""
        spread = self.target_normaliser.stretch(torch.exp(0.5 * log_variance))
        return spread if features.link is None else features.link.deviation(spread)

    def normalised_targets(self, batch: Mapping[str, Tensor], features: Features) -> Tensor:
        """Return the batch's targets in the units of `normalised`; NaN stays."""
        return cast(Tensor, self.target_normaliser(self._residual(batch, features)))

    def weight(self, batch: Mapping[str, Tensor], mask: str) -> Tensor:
        """Return a mask or weight variable of the batch, shaped to broadcast against the stacked targets."""
        batch = self.of_horizon(batch, mask=mask)
        value = as_weight(batch[mask])
        grid = len(self.layout.grid)
        if value.ndim == grid:
            return value.view(1, 1, *value.shape)
        if value.ndim == grid + 1:
            return value.unsqueeze(1)
        if all(value.shape[1:] == batch[name].shape[1:] for name in self.target_names):
            return torch.cat([self.layout.one(spec, value, len(value)) for spec in self.layout.specs], dim=1)
        raise ConfigError(
            f"mask '{mask}' has shape {tuple(value.shape)} for targets on the grid {self.layout.grid}; "
            "give a mask on that grid, or with the dimensions of every target"
        )

    def of_horizon(self, batch: Mapping[str, Tensor], step: int = 0, mask: str | None = None) -> Batch:
        """Return a batch in which targets and mask look as far as the pipeline, from one that looks further.

        Parameters
        ----------
        batch
            With the targets.
        step
            Which horizon, from 0.
        mask
            On the targets' grid, or with the dimensions of every target.
        """
        cut, grid = dict(batch), self.layout.grid
        for spec in self.config.targets:
            if HORIZON not in spec.dims:
                continue
            axis = spec.dims.index(HORIZON) - len(spec.dims)
            axes, length = {spec.name: axis}, spec.shape[axis]
            if mask is not None:
                on_grid = HORIZON in grid and batch[mask].ndim <= len(grid) + 1
                axes[mask] = grid.index(HORIZON) - len(grid) if on_grid else axis
            for name, place in axes.items():
                if batch[name].ndim >= -place:  # any other mask is refused by `weight`
                    cut[name] = batch[name].narrow(place, step * length, length)
        return cut

    @torch.no_grad()
    def fit_normalisers(self, batches: Iterable[Mapping[str, Tensor]], mask: str | None = None) -> None:
        """Fit both normalisers in one pass over training batches.

        A transform whose attribute ``normalise`` is false keeps its channels and the targets as they are.

        Parameters
        ----------
        batches
            Batches with inputs and targets; NaN does not count.
        mask
            Variable of the target cells that count.
        """
        if not getattr(self.transform, "normalise", True):
            return
        seen = False
        for batch in batches:
            features = self.features(batch)
            self.input_normaliser.observe(features.channels)
            weight = self.weight(batch, mask) if mask else None
            self.target_normaliser.observe(self._residual(batch, features), weight)
            seen = True
        if not seen:
            raise ConfigError("no training batch to fit the normaliser on; check the split and the selection")
        self.input_normaliser.finish()
        self.target_normaliser.finish()

    def _residual(self, batch: Mapping[str, Tensor], features: Features) -> Tensor:
        """Return what the network should answer, not normalised; of a longer horizon its first part."""
        stacked = self.layout.pack(self.of_horizon(batch))
        residual = stacked if features.offset is None else stacked - features.offset
        return residual if features.link is None else features.link.encode(residual)

    def _require_both_ways(self) -> None:
        """Refuse what cannot be turned round: the channels of each side must be its variables alone."""
        network = self.config.network["name"]
        if not callable(getattr(self.network, "reverse", None)):
            raise ConfigError(
                f"task.both_ways: the network '{network}' has one direction; take one that can be reversed, "
                "such as invertible_x_net"
            )
        fixed = [spec.name for spec in self.config.inputs if self.config.record_dimension not in spec.dims]
        missing = [spec.name for spec in self.config.inputs if spec.missing]
        if self.config.transform["name"] != "stack" or self.config.distribution or fixed or missing:
            raise ConfigError(
                "task.both_ways needs the transform 'stack', an objective without variances, and inputs that "
                "vary with the record and are never missing; found "
                f"transform '{self.config.transform['name']}', distribution {self.config.distribution}, "
                f"inputs that do not vary: {listing(fixed)}, may be missing: {listing(missing)}"
            )

    @staticmethod
    def _require_record_dimension(config: PipelineConfig) -> None:
        fixed = [spec.name for spec in config.targets if config.record_dimension not in spec.dims]
        if fixed:
            raise ConfigError(
                f"target {listing(fixed)} has no dimension '{config.record_dimension}': it is the same for "
                "every record, so there is nothing to learn"
            )


class Parts(NamedTuple):
    """What the two directions of a pipeline have in common."""

    network: nn.Module
    input_normaliser: Normaliser | Whitening
    target_normaliser: Normaliser | Whitening


class Reverse(nn.Module):
    """A network with its two directions exchanged.

    Parameters
    ----------
    network
        Has a method ``reverse``.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, channels: Tensor) -> Tensor:
        """Return what the network's `reverse` answers."""
        return cast(Callable[[Tensor], Tensor], self.network.reverse)(channels)

    def reverse(self, channels: Tensor) -> Tensor:
        """Return what the network answers."""
        return cast(Tensor, self.network(channels))
