"""From physical inputs to physical targets: transform, normalise, network, denormalise, offset."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from inspect import signature
from typing import Any, cast

import torch
from torch import Tensor, nn

from datasets.store.specs import VariableSpec
from surrogates.core.build import build, resolved
from surrogates.core.errors import ConfigError
from surrogates.core.text import listing, nearest
from surrogates.data.batch import Batch
from surrogates.data.window import HORIZON
from surrogates.learning.answers import LEVELS, Answer, QuantileAnswer, deviation_name, quantile_name
from surrogates.learning.context import Context, Fact, MaskNames
from surrogates.learning.heads import Head
from surrogates.learning.layout import Layout, shared_grid
from surrogates.learning.masks import Masks
from surrogates.learning.normaliser import NORMALISERS, Normaliser, Whitening, input_normaliser
from surrogates.learning.pipeline_config import PipelineConfig
from surrogates.learning.reversal import Reverse, Shared, require_both_ways
from surrogates.learning.tile import Tile
from surrogates.learning.transform import Features, Transform
from surrogates.learning.way_back import Back

NETWORK_ARGUMENTS = ("in_channels", "out_channels", "in_shape", "out_shape", HORIZON, "noisy_channels")
"""What a pipeline tells the constructor of its network, as far as it takes them."""
NOISY, TIME, CONDITION = "noisy", "time", "condition"
"""What the `forward` of a network that denoises takes: noisy normalised targets (batch, target channel,
*grid), times (batch,), and the channels; of a transform with several tensors these by their own names."""
HEAD_ARGUMENTS = ("normalised", "real_parts")
"""What it tells the constructor of its head, as far as it takes them."""


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
        self, config: PipelineConfig, context: Context | None = None, shared: Shared | None = None
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
        self.masks = Masks(self.layout, self.context.masks)
        parts = self.layout.real_parts
        self.head = Head.build(config.head, known, normalised=self.transform.normalise, real_parts=parts)
        channels: dict[str, Any] = {
            "in_channels": self.transform.in_channels,
            "out_channels": self.layout.channels * self.head.outputs,
            "in_shape": Layout(tuple(config.inputs), self.grid, config.record_dimension).grid_shape
            if self.transform.in_shape is None
            else self.transform.in_shape,
            "out_shape": self.layout.grid_shape,
            "noisy_channels": self.layout.channels,
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
            require_both_ways(self.network, self.head, self.config)

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
        return self.head.answer(self.normalised(features), self._back(features))

    def features(self, inputs: Mapping[str, Tensor]) -> Features:
        """Return the transform's channels and offset."""
        if isinstance(inputs, Tile) and self.transform.takes_tiles:
            return cast(Features, self.transform(inputs))
        return cast(Features, self.transform({spec.name: inputs[spec.name] for spec in self.config.inputs}))

    def normalised(self, features: Features, **noisy: Tensor) -> Tensor:
        """Return the network's outputs in normalised units, float32.

        Parameters
        ----------
        features
            As `features` returns them.
        **noisy
            What a network that denoises is given beside them: `NOISY` and `TIME`, of each record one row or
            several in a row.

        Returns
        -------
        Tensor
            Shape (batch, outputs of the head x target channel, *grid).
        """
        if self.head.denoises and not noisy:
            raise ConfigError(
                f"the head '{self.config.head['name']}' has no answer of its own: its network takes noise "
                "out of targets, in several steps; take the objective and the predictor of task=diffusion"
            )
        channels = self.input_normaliser(features.channels)
        if isinstance(channels, Tensor) and not noisy:
            return cast(Tensor, self.network(_known(channels))).float()
        named = {CONDITION: channels} if isinstance(channels, Tensor) else channels
        known = {name: _known(each) for name, each in named.items()}
        for name, each in known.items() if noisy else ():
            if each.ndim > 2 or name not in self.transform.channels_last:  # else all records share it
                known[name] = each.repeat_interleave(len(noisy[NOISY]) // len(each), 0)
        return cast(Tensor, self.network(**noisy, **known)).float()

    def _back(self, features: Features) -> Back:
        return Back(self.target_normaliser, features, self.config)

    def physical(self, normalised: Tensor, features: Features) -> Batch:
        """Return targets in physical units from normalised ones, (batch, target channel, *grid)."""
        return self.layout.unpack(self._back(features).value(normalised))

    def past_ratio(self, batch: Mapping[str, Tensor], features: Features, outputs: Tensor) -> Tensor | None:
        """Return the standard deviation that a forecast starts from, over that of the answer; None without.

        The batch then holds `<target>_standard_deviation` of its past (`surrogates.learning.predictors.
        advanced`). The ratio is one in the targets' units, cell by cell.
        """
        carried = {name: batch.get(deviation_name(name)) for name in self.target_names}
        known = {name: value for name, value in carried.items() if value is not None}
        if len(known) < len(carried):
            return None
        spread = self.head.answer(outputs, self._back(features)).deviation
        return None if spread is None else self.layout.pack_deviations(known) / spread

    def normalised_targets(self, batch: Mapping[str, Tensor], features: Features) -> Tensor:
        """Return the batch's targets in the units of `normalised`; NaN stays."""
        return cast(Tensor, self.target_normaliser(self._residual(batch, features)))

    @torch.no_grad()
    def fit_normalisers(self, batches: Iterable[Mapping[str, Tensor]], mask: MaskNames | None = None) -> None:
        """Fit both normalisers, and what the transform learns itself, in one pass over training batches.

        A transform whose attribute ``normalise`` is false keeps its channels and the targets as they are.

        Parameters
        ----------
        batches
            Batches with inputs and targets; NaN does not count.
        mask
            Of the target cells that count, as `Masks.weight` takes it.
        """
        if not self.transform.normalise:
            return
        seen = False
        for batch in batches:
            features = self.features(batch)
            self.transform.observe(self.masks.of_horizon(batch))
            self.input_normaliser.observe(features.channels)  # type: ignore[arg-type]
            weight = self.masks.weight(batch, mask) if mask else None
            self.target_normaliser.observe(self._residual(batch, features), weight)
            seen = True
        if not seen:
            raise ConfigError("no training batch to fit the normaliser on; check the split and the selection")
        self.transform.finish()
        self.input_normaliser.finish()
        self.target_normaliser.finish()

    def _residual(self, batch: Mapping[str, Tensor], features: Features) -> Tensor:
        """Return the network's target, not normalised; of a longer horizon only its beginning."""
        stacked = self.layout.pack(self.masks.of_horizon(batch))
        residual = stacked if features.offset is None else stacked - features.offset
        return residual if features.link is None else features.link.encode(residual)

    def _require_names(self) -> None:
        """Refuse a network that does not take the tensors of the transform."""
        channels = self.transform.in_channels
        made = [CONDITION] if isinstance(channels, int) else list(channels)
        taken = [name for name in signature(self.network.forward).parameters if name != "self"]
        if self.head.denoises:
            made = [NOISY, TIME, *made]
        elif isinstance(channels, int):
            if {NOISY, TIME} <= set(taken):
                raise ConfigError(
                    f"the network '{self.config.network['name']}' takes noise out of targets, which the head "
                    f"'{self.config.head['name']}' does not ask for; take task=diffusion, or another network"
                )
            return
        for name in [*made, *taken]:
            if name not in made or name not in taken:
                source = f"transform '{self.config.transform['name']}' makes"
                if self.head.denoises:
                    source = f"head '{self.config.head['name']}' hands on"
                raise ConfigError(
                    f"the {source} the tensors {listing(made)}, the "
                    f"network '{self.config.network['name']}' takes {listing(taken)}."
                    f"{nearest(name, taken if name in made else made)} Choose two that fit together."
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
