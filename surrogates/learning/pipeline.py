"""From physical inputs to physical targets: transform, normalise, network, denormalise, offset."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from datasets.store.specs import VariableSpec
from datasets.store.statistics import Moments, merge
from surrogates.core.build import build, resolved
from surrogates.core.errors import ConfigError
from surrogates.core.text import listing
from surrogates.learning.layout import Layout, shared_grid
from surrogates.learning.normaliser import Normaliser, moments_of
from surrogates.learning.protocols import Batch, Transform, deviation_name
from surrogates.learning.tile import Tile

LARGEST_LOG_VARIANCE = 10.0  # of a normalised target: standard deviations from 0.7 % to 148 of the data's


@dataclass(frozen=True)
class Features:
    """What a transform makes of the inputs.

    Attributes
    ----------
    channels
        Shape (batch, channel, *grid), in any units; NaN becomes the channel's mean.
    offset
        Shape (batch, target channel, *grid), in the targets' units, added to the network's answer; or None.
    """

    channels: Tensor
    offset: Tensor | None = None


class PipelineConfig(BaseModel):
    """All that is needed to build a pipeline, as plain JSON values.

    With the distribution `gaussian` the network has two outputs for each target channel, mean and log
    variance, and the pipeline also answers `<target>_standard_deviation`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    inputs: list[VariableSpec] = Field(min_length=1)
    targets: list[VariableSpec] = Field(min_length=1)
    transform: dict[str, Any] = {"name": "stack"}
    network: dict[str, Any]
    record_dimension: str = "sample"
    distribution: Literal["gaussian"] | None = None


def as_weight(mask: Tensor) -> Tensor:
    """Return a mask, bool or weights, as float32; what is unknown or negative does not count."""
    return mask.to(torch.float32).nan_to_num(0.0).clamp(min=0.0)


class Pipeline(nn.Module):
    """A network with all that surrounds it.

    Parameters
    ----------
    config
        Variables and nodes; `config` holds it with every default filled in.
    """

    def __init__(self, config: PipelineConfig) -> None:
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
        self.layout = Layout(tuple(config.targets), grid, config.record_dimension)
        outputs = self.layout.channels * (2 if config.distribution == "gaussian" else 1)
        channels = {"in_channels": transform.in_channels, "out_channels": outputs}
        self.network = cast(nn.Module, build("models", config.network, **channels))
        self.input_normaliser = Normaliser(transform.in_channels)
        self.target_normaliser = Normaliser(self.layout.channels)
        self.config = config.model_copy(
            update={
                "transform": resolved("transforms", config.transform, **about),
                "network": resolved("models", config.network, **channels),
            }
        )

    @classmethod
    def from_config(cls, config: PipelineConfig) -> "Pipeline":
        """Build the pipeline that a configuration describes, with fresh weights."""
        return cls(config)

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
            spread = self.target_normaliser.stretch(torch.exp(0.5 * log_variance))
        answer = self.target_normaliser.inverse(mean)
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
        return cast(Features, self.transform({name: inputs[name] for name in self.input_names}))

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

    def normalised_targets(self, batch: Mapping[str, Tensor], features: Features) -> Tensor:
        """Return the batch's targets in the units of `normalised`; NaN stays."""
        return cast(Tensor, self.target_normaliser(self._residual(batch, features)))

    def weight(self, batch: Mapping[str, Tensor], mask: str) -> Tensor:
        """Return a mask or weight variable of the batch, shaped to broadcast against the stacked targets."""
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
        seen: list[tuple[Moments, Moments]] = []
        for batch in batches:
            features = self.features(batch)
            weight = self.weight(batch, mask) if mask else None
            pair = (moments_of(features.channels), moments_of(self._residual(batch, features), weight))
            seen = [(merge([seen[0][0], pair[0]]), merge([seen[0][1], pair[1]]))] if seen else [pair]
        if not seen:
            raise ConfigError("no training batch to fit the normaliser on; check the split and the selection")
        self.input_normaliser.fit(seen[0][0])
        self.target_normaliser.fit(seen[0][1])

    def _residual(self, batch: Mapping[str, Tensor], features: Features) -> Tensor:
        stacked = self.layout.pack(batch)
        return stacked if features.offset is None else stacked - features.offset

    @staticmethod
    def _require_record_dimension(config: PipelineConfig) -> None:
        fixed = [spec.name for spec in config.targets if config.record_dimension not in spec.dims]
        if fixed:
            raise ConfigError(
                f"target {listing(fixed)} has no dimension '{config.record_dimension}': it is the same for "
                "every record, so there is nothing to learn"
            )
