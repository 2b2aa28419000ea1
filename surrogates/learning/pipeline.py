"""From physical inputs to physical targets: transform, normalise, network, denormalise, offset."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from inspect import signature
from typing import Any, NamedTuple, Protocol, cast, runtime_checkable

import torch
from torch import Tensor, nn

from datasets.store.specs import VariableSpec
from surrogates.core.build import build, resolved
from surrogates.core.errors import ConfigError
from surrogates.core.text import listing, nearest
from surrogates.data.batch import Batch
from surrogates.data.window import HORIZON
from surrogates.learning.answers import LEVELS, Answer, QuantileAnswer, deviation_name, quantile_name
from surrogates.learning.context import Context, Fact
from surrogates.learning.heads import Head, Point
from surrogates.learning.layout import Layout, field_dims, shared_grid
from surrogates.learning.normaliser import NORMALISERS, Normaliser, Several, Whitening, input_normaliser
from surrogates.learning.pipeline_config import PipelineConfig
from surrogates.learning.tile import Tile
from surrogates.learning.transform import Features, Transform

NETWORK_ARGUMENTS = ("in_channels", "out_channels", "in_shape", "out_shape", HORIZON)
"""What a pipeline tells the constructor of its network, as far as it takes them."""
HEAD_ARGUMENTS = ("normalised", "real_parts")
"""What it tells the constructor of its head, as far as it takes them."""


def as_weight(mask: Tensor) -> Tensor:
    """Return a mask, bool or weights, as float32; NaN and negative weights become zero."""
    return mask.to(torch.float32).nan_to_num(0.0).clamp(min=0.0)


class Pipeline(nn.Module):
    """A network with its transform, normalisers and head.

    Parameters
    ----------
    config
        Variables and nodes; `config` holds it with every default filled in.
    context
        Of the data; without one the pipeline knows only its variables.
    shared
        Network and normalisers of another pipeline, to use instead of new ones.
    """

    def __init__(
        self, config: PipelineConfig, context: Context | None = None, shared: "Shared | None" = None
    ) -> None:
        super().__init__()
        self._require_record_dimension(config)
        known = context or Context.of(config.inputs, config.targets)
        known = replace(
            known,
            inputs=tuple(config.inputs),
            targets=tuple(config.targets),
            record_dimension=config.record_dimension,
        )
        self.transform = Transform.build(config.transform, known)
        config = _with_any_length(config, self.transform.any_length)
        self.context = replace(known, inputs=tuple(config.inputs), targets=tuple(config.targets))
        default = shared_grid(config.inputs, config.targets, config.record_dimension)
        grid = default if self.transform.grid is None else self.transform.grid
        target_grid = grid if self.transform.target_grid is None else self.transform.target_grid
        self.grid = tuple(grid)
        self.layout = Layout(
            tuple(config.targets), tuple(target_grid), config.record_dimension, self.transform.fold
        )
        parts = self.layout.real_parts
        self.head = Head.build(config.head, known, normalised=self.transform.normalise, real_parts=parts)
        channels: dict[str, Any] = {
            "in_channels": self.transform.in_channels,
            "out_channels": self.layout.channels * self.head.outputs,
            "in_shape": Layout(tuple(config.inputs), self.grid, config.record_dimension).grid_shape
            if self.transform.in_shape is None
            else self.transform.in_shape,
            "out_shape": self.layout.grid_shape,
        }
        if HORIZON in target_grid:
            channels[HORIZON] = self.layout.grid_shape[self.layout.grid.index(HORIZON)]
        self.network, self.input_normaliser, self.target_normaliser = shared or Shared(
            cast(nn.Module, build("models", config.network, **channels)),
            input_normaliser(
                config.sides.inputs,
                self.transform.in_channels,
                self.transform.real_parts,
                self.transform.channels_last,
                self.transform.scaled,
            ),
            NORMALISERS[config.sides.targets](self.layout.channels, parts),
        )
        self.config = config.model_copy(
            update={
                "transform": Transform.resolved(config.transform),
                "head": Head.resolved(config.head, *HEAD_ARGUMENTS),
                "network": resolved("models", config.network, **channels),
            }
        )
        self._require_names()
        if config.both_ways and shared is None:
            self._require_both_ways()

    def reversed(self) -> "Pipeline":
        """Return the pipeline of the other direction; it shares network and normalisers with this one.

        Raises
        ------
        ConfigError
            When the pipeline knows only one direction.
        """
        if not self.config.both_ways:
            raise ConfigError(
                f"the network answers {listing(self.target_names)} from {listing(self.input_names)}, not the "
                "other way round; train one with task.both_ways=true"
            )
        if "_other_way" not in self.__dict__:
            own = cast(Normaliser | Whitening, self.input_normaliser)  # one tensor goes both ways
            shared = Shared(Reverse(self.network), self.target_normaliser, own)
            # Past nn.Module's registration: the parameters are this pipeline's and count once.
            turned = self.context.between(self.config.targets, self.config.inputs)
            object.__setattr__(self, "_other_way", Pipeline(self.config.reversed(), turned, shared))
        return cast(Pipeline, self.__dict__["_other_way"])

    @property
    def facts(self) -> dict[str, tuple[Fact, float]]:
        """Numbers that the transform read from the data, by name."""
        return Transform.facts_of(self.config.transform, self.context)

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
        """Return the targets in physical units, from channels.

        Beside each target stand its standard deviation or its quantiles, where the head tells them.
        """
        answer = self.said(features)
        targets = self.layout.unpack(answer.value)
        if isinstance(answer, QuantileAnswer):
            quantiles = [self.layout.unpack(each) for each in answer.values]
            for name in self.target_names:
                targets[quantile_name(name)] = torch.stack([each[name] for each in quantiles], dim=1)
            targets[LEVELS] = answer.value.new_tensor(answer.levels)
        elif answer.deviation is not None:
            deviations = self.layout.unpack_deviations(answer.deviation)
            targets |= {deviation_name(name): value for name, value in deviations.items()}
        return targets

    def said(self, features: Features) -> Answer:
        """Return the answer as one object, in physical units, with all targets stacked along the channel."""
        return self.head.answer(self.normalised(features), _Back(self, features))

    def features(self, inputs: Mapping[str, Tensor]) -> Features:
        """Return the transform's channels and offset."""
        if isinstance(inputs, Tile) and self.transform.takes_tiles:
            return cast(Features, self.transform(inputs))
        return cast(Features, self.transform({spec.name: inputs[spec.name] for spec in self.config.inputs}))

    def normalised(self, features: Features) -> Tensor:
        """Return the network's outputs in normalised units, float32.

        The shape is (batch, outputs of the head x target channel, *grid).
        """
        channels = self.input_normaliser(features.channels)
        if isinstance(channels, Tensor):
            return cast(Tensor, self.network(_known(channels))).float()
        return cast(Tensor, self.network(**{name: _known(each) for name, each in channels.items()})).float()

    def past_ratio(self, batch: Mapping[str, Tensor], features: Features, outputs: Tensor) -> Tensor | None:
        """Return the standard deviation that a forecast starts from, over that of the answer; None without.

        The batch then holds `<target>_standard_deviation` of its past (`surrogates.learning.predictors.
        advanced`). The ratio is one in the targets' units, cell by cell.
        """
        carried = {name: batch.get(deviation_name(name)) for name in self.target_names}
        known = {name: value for name, value in carried.items() if value is not None}
        if len(known) < len(carried):
            return None
        spread = self.head.answer(outputs, _Back(self, features)).deviation
        return None if spread is None else self.layout.pack_deviations(known) / spread

    def normalised_targets(self, batch: Mapping[str, Tensor], features: Features) -> Tensor:
        """Return the batch's targets in the units of `normalised`; NaN stays."""
        return cast(Tensor, self.target_normaliser(self._residual(batch, features)))

    def weight(self, batch: Mapping[str, Tensor], mask: str) -> Tensor:
        """Return a mask or weight variable of the batch, shaped to broadcast against the stacked targets."""
        batch = self.of_horizon(batch, mask=mask)
        value = as_weight(batch[mask])
        grid, record = len(self.layout.grid), self.config.record_dimension
        if value.ndim in (grid, grid + 1) and self._lies_along(mask, self.layout.grid):
            if value.ndim == grid:
                return value.view(1, 1, *value.shape)
            return self.layout.repeated(value).unsqueeze(1)
        if all(
            value.shape[1:] == batch[spec.name].shape[1:] and self._lies_along(mask, field_dims(spec, record))
            for spec in self.config.targets
        ):
            return self.layout.pack_weights(value)
        raise ConfigError(
            f"mask '{mask}' has shape {tuple(value.shape)} for targets on the grid {self.layout.grid}, or "
            "other dimensions; give a mask on that grid, or with the dimensions of every target"
        )

    def _lies_along(self, mask: str, dims: tuple[str, ...]) -> bool:
        """Return whether a mask has some dimensions of its own; where they are not known its shape tells."""
        spec = self.context.mask
        return spec is None or spec.name != mask or field_dims(spec, self.config.record_dimension) == dims

    def of_horizon(self, batch: Mapping[str, Tensor], step: int = 0, mask: str | None = None) -> Batch:
        """Return a batch whose targets and mask are cut to one horizon of the pipeline.

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
            if mask is not None and batch[mask].ndim > len(grid) + 1:
                axes[mask] = axis
            elif mask is not None and HORIZON in grid:
                axes[mask] = grid.index(HORIZON) - len(grid)
            for name, along in axes.items():
                if batch[name].ndim >= -along:  # any other mask is refused by `weight`
                    cut[name] = batch[name].narrow(along, step * length, length)
        return cut

    @torch.no_grad()
    def fit_normalisers(self, batches: Iterable[Mapping[str, Tensor]], mask: str | None = None) -> None:
        """Fit both normalisers, and what the transform learns itself, in one pass over training batches.

        A transform whose attribute ``normalise`` is false keeps its channels and the targets as they are.

        Parameters
        ----------
        batches
            Batches with inputs and targets; NaN does not count.
        mask
            Variable of the target cells that count.
        """
        if not self.transform.normalise:
            return
        seen = False
        for batch in batches:
            features = self.features(batch)
            self.transform.observe(self.of_horizon(batch))
            self.input_normaliser.observe(features.channels)  # type: ignore[arg-type]
            weight = self.weight(batch, mask) if mask else None
            self.target_normaliser.observe(self._residual(batch, features), weight)
            seen = True
        if not seen:
            raise ConfigError("no training batch to fit the normaliser on; check the split and the selection")
        self.transform.finish()
        self.input_normaliser.finish()
        self.target_normaliser.finish()

    def _residual(self, batch: Mapping[str, Tensor], features: Features) -> Tensor:
        """Return the network's target, not normalised; of a longer horizon only its beginning."""
        stacked = self.layout.pack(self.of_horizon(batch))
        residual = stacked if features.offset is None else stacked - features.offset
        return residual if features.link is None else features.link.encode(residual)

    def _require_names(self) -> None:
        """Refuse a network that does not take the tensors of the transform."""
        made = self.transform.in_channels
        if isinstance(made, int):
            return
        taken = [name for name in signature(self.network.forward).parameters if name != "self"]
        for name in [*made, *taken]:
            if name not in made or name not in taken:
                raise ConfigError(
                    f"the transform '{self.config.transform['name']}' makes the tensors {listing(made)}, the "
                    f"network '{self.config.network['name']}' takes {listing(taken)}."
                    f"{nearest(name, taken if name in made else made)} Choose two that fit together."
                )

    def _require_both_ways(self) -> None:
        """Refuse what cannot be turned round: the channels of each side must be only its variables."""
        network = self.config.network["name"]
        if not isinstance(self.network, Reversible):
            raise ConfigError(
                f"task.both_ways: the network '{network}' has one direction; take one that can be reversed, "
                "such as invertible_x_net"
            )
        fixed = [spec.name for spec in self.config.inputs if self.config.record_dimension not in spec.dims]
        missing = [spec.name for spec in self.config.inputs if spec.missing]
        stacked = self.config.transform["name"] == "stack" and self.config.transform["scale_by"] is None
        if not stacked or not isinstance(self.head, Point) or fixed or missing:
            raise ConfigError(
                "task.both_ways needs the transform 'stack' without scale_by, the head 'point', and inputs "
                "that vary with the record and are never missing; found "
                f"transform '{self.config.transform['name']}', head '{self.config.head['name']}', "
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


def _with_any_length(config: PipelineConfig, dims: Sequence[str]) -> PipelineConfig:
    """Return a configuration whose specs say which dimensions may have any length."""

    def marked(spec: VariableSpec) -> VariableSpec:
        return spec.model_copy(update={"any_length": tuple(dim for dim in dims if dim in spec.dims)})

    sides = {key: list(map(marked, getattr(config, key))) for key in ("inputs", "targets")}
    return config.model_copy(update=sides)


def _known(channels: Tensor) -> Tensor:
    """Replace NaN by the mean; infinite values stay."""
    return torch.nan_to_num(channels, nan=0.0, posinf=float("inf"), neginf=float("-inf"))


@dataclass(frozen=True)
class _Back:
    """From normalised answers to physical units: denormalise, link, offset."""

    pipeline: Pipeline
    features: Features

    def value(self, normalised: Tensor) -> Tensor:
        """Return values."""
        answer = self.pipeline.target_normaliser.inverse(normalised)
        if self.features.link is not None:
            answer = self.features.link.decode(answer)
        return answer if self.features.offset is None else answer + self.features.offset

    def deviation(self, normalised: Tensor) -> Tensor:
        """Return standard deviations."""
        spread = self.pipeline.target_normaliser.stretch(normalised)
        return spread if self.features.link is None else self.features.link.deviation(spread)

    def require_ordered(self, head: str) -> None:
        """Refuse a way back that mixes cells or channels."""
        if self.features.link is not None or isinstance(self.pipeline.target_normaliser, Whitening):
            raise ConfigError(
                f"head '{head}': quantiles do not pass through the transform "
                f"'{self.pipeline.config.transform['name']}' with normalisation "
                f"'{self.pipeline.config.sides.targets}', which mixes values; take the head 'gaussian', or "
                "another transform or normalisation"
            )


@runtime_checkable
class Reversible(Protocol):
    """A network that also answers its inputs for given outputs."""

    def reverse(self, channels: Tensor) -> Tensor:
        """Return the inputs, (batch, input channel, *grid), for (batch, output channel, *target_grid)."""


class Shared(NamedTuple):
    """What the two directions of a pipeline share."""

    network: nn.Module
    input_normaliser: Normaliser | Whitening | Several
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
        """Return the network's `reverse`."""
        return cast(Reversible, self.network).reverse(channels)

    def reverse(self, channels: Tensor) -> Tensor:
        """Return the network's `forward`."""
        return cast(Tensor, self.network(channels))
