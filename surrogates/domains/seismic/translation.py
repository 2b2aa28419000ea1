"""The loss of latent-space translation: pixels, shapes, reconstructions and cycles."""

from collections.abc import Iterator
from typing import Annotated, Protocol, cast, runtime_checkable

import torch
from pydantic import Field, NonNegativeFloat, NonNegativeInt
from torch import Tensor

from surrogates.core.errors import ConfigError
from surrogates.core.text import listing, nearest
from surrogates.data.batch import Batch
from surrogates.domains.seismic import perceptual as distances
from surrogates.learning.context import Context
from surrogates.learning.contract import Objective
from surrogates.learning.objectives import cell_weights, hide, require_shape
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.ranks import mean_over_ranks

_MIXER = 0x5851F42D4C957F2D  # multiplier of Knuth's MMIX generator: spreads the bits of a sum


@runtime_checkable
class Reconstructs(Protocol):
    """A network that can reconstruct its inputs or outputs through its encoders."""

    @property
    def reconstructs(self) -> bool:
        """Whether it was built with the decoder and the encoder that this takes."""

    def reconstruct_input(self, channels: Tensor) -> Tensor:
        """Return the inputs, encoded and decoded."""

    def reconstruct_output(self, channels: Tensor) -> Tensor:
        """Return the outputs, encoded and decoded."""


class Translation(Objective):
    """Absolute and squared error of the normalised prediction, with terms that help training [1]_.

    With `task.both_ways` the other direction counts too, and weights may name the inputs. The sum is

        weight (l1 |e| + l2 e^2) + perceptual_weight distance

    over the predicted variables, and `reconstruction` and `cycle` times the same errors of fields
    that went through encoder and decoder, or there and back.

    Parameters
    ----------
    context
        Context of the data.
    l1, l2
        Weights of the absolute and of the squared error.
    weights
        Weight of each variable, 1 where not given.
    perceptual
        Distances of shapes (`surrogates.domains.seismic.perceptual`).
    perceptual_weights
        Weight of each variable's distances, 0.1 where not given.
    reconstruction
        Weight of the reconstruction of inputs and targets; needs a network with that decoder and encoder.
    cycle
        Weight of each variable there and back, 0 where not given; needs `task.both_ways`.
    warmup
        Steps over which the weight of the cycles grows from 0.
    unpaired
        Share of the training examples whose pair does not count, only cycles and reconstructions. They are
        chosen by the values of their targets: an example is never paired in one epoch and
        unpaired in the next.
    vgg_weights
        File with the weights of VGG16, for `vgg16_local`.

    References
    ----------
    .. [1] N. Gupta, M. Sawhney, A. Daw, Y. Lin, A. Karpatne, "A Unified Framework for Forward and Inverse
       Problems in Subsurface Imaging using Latent Space Translations", ICLR 2025, arXiv:2410.11247; weights
       there for both ways: 1 and 0.1 (perceptual) for velocity, 10 and 0.3 for gathers.
    """

    both_ways: bool = True

    def __init__(
        self,
        context: Context,
        l1: NonNegativeFloat = 1.0,
        l2: NonNegativeFloat = 1.0,
        weights: dict[str, NonNegativeFloat] | None = None,
        perceptual: tuple[distances.Name, ...] = ("gradient", "ssim"),
        perceptual_weights: dict[str, NonNegativeFloat] | None = None,
        reconstruction: NonNegativeFloat = 0.0,
        cycle: dict[str, NonNegativeFloat] | None = None,
        warmup: NonNegativeInt = 0,
        unpaired: Annotated[float, Field(ge=0, lt=1)] = 0.0,
        vgg_weights: str | None = None,
    ) -> None:
        if unpaired and not (cycle or reconstruction):
            raise ConfigError(
                f"objective 'translation': unpaired is {unpaired}, but neither cycle nor reconstruction "
                "counts, so that those examples would teach nothing; give a weight to one of them"
            )
        if vgg_weights is not None and "vgg16_local" not in perceptual:
            raise ConfigError(
                "objective 'translation': vgg_weights is given, but perceptual does not name vgg16_local; "
                "add it, or leave the file out"
            )
        self.step = 0
        self._l1, self._l2, self._mask = l1, l2, context.mask_name
        self._weights, self._shape_weights = weights or {}, perceptual_weights or {}
        self._cycle, self._warmup, self._unpaired = cycle or {}, warmup, unpaired
        self._reconstruction = reconstruction
        self._distances = [
            distances.distance(name, vgg_weights if name == "vgg16_local" else None) for name in perceptual
        ]

    def __call__(
        self, pipeline: Pipeline, batch: Batch, rng: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the sum, and the pixel error of each variable, of its cycle and of its reconstruction."""
        self._require_known(pipeline)
        paired, terms = self._paired(pipeline, batch), dict[str, Tensor]()
        features = pipeline.features(batch)
        answer, target = pipeline.normalised(features), pipeline.normalised_targets(batch, features)
        require_shape(pipeline, answer, target)
        cells = cell_weights(pipeline, batch, target, self._mask)
        answer, target = hide(cells, answer, target)
        loss = self._answered(pipeline, answer, target, paired if cells is None else paired * cells, terms)
        if pipeline.config.both_ways:
            other = pipeline.reversed()
            turned = other.features(batch)
            back, given = other.normalised(turned), other.normalised_targets(batch, turned)
            loss = loss + self._answered(other, back, given, paired, terms)
            grown = min(1.0, self.step / self._warmup) if pipeline.training and self._warmup else 1.0
            loss = loss + grown * self._cycled(other, answer, given, terms)
            loss = loss + grown * self._cycled(pipeline, back, target, terms)
        if self._reconstruction:
            network = self._autoencoder(pipeline)
            given = pipeline.input_normaliser(features.channels).nan_to_num(0.0)
            for side, rebuild, field in (
                ("input", network.reconstruct_input, given),
                ("output", network.reconstruct_output, target),
            ):
                term = error(rebuild(field).float(), field, torch.ones_like(field), self._l1, self._l2)
                terms[f"{side}_reconstruction"] = term
                loss = loss + self._reconstruction * term
        return loss, {name: term.detach() for name, term in terms.items()}

    def _answered(
        self, way: Pipeline, answer: Tensor, target: Tensor, weight: Tensor, terms: dict[str, Tensor]
    ) -> Tensor:
        """Return the loss of one direction; add the errors of its variables to `terms`."""
        total = answer.new_zeros(())
        for name, one, two, share in _by_variable(way, answer, target, weight):
            terms[name] = error(one, two, share, self._l1, self._l2)
            total = total + self._weights.get(name, 1.0) * terms[name]
            scale = self._shape_weights.get(name, 0.1)
            for distance in self._distances if scale else ():
                # Masked cells are zero in both fields; an example counts as a whole or not at all.
                total = total + scale * mean(distance(one, two), share.flatten(1).amax(1))
        return total

    def _cycled(self, way: Pipeline, answer: Tensor, known: Tensor, terms: dict[str, Tensor]) -> Tensor:
        """Return the weighted error of fields that `way` brings back from their prediction."""
        total = answer.new_zeros(())
        if not any(self._cycle.get(name) for name in way.target_names):
            return total
        back = cast(Tensor, way.network(answer)).float()
        for name, one, two, share in _by_variable(way, back, known, known.new_ones(1, 1, 1, 1)):
            terms[f"{name}_cycle"] = error(one, two, share, self._l1, self._l2)
            total = total + self._cycle.get(name, 0.0) * terms[f"{name}_cycle"]
        return total

    def _paired(self, pipeline: Pipeline, batch: Batch) -> Tensor:
        """Return 1 where the pair counts, else 0, shape (batch, 1, 1, 1); outside training all count."""
        first = batch[pipeline.target_names[0]]
        shape = (len(first), 1, 1, 1)
        if not (self._unpaired and pipeline.training):
            return first.new_ones(shape, dtype=torch.float32)
        # A sum of integers does not depend on their order, hence not on the device or on mirroring.
        bits = first.float().contiguous().view(torch.int32).flatten(1).sum(1, dtype=torch.int64)
        mixed = ((bits * _MIXER) >> 33) & (2**31 - 1)
        return (mixed >= self._unpaired * 2**31).to(torch.float32).view(shape)

    def _require_known(self, pipeline: Pipeline) -> None:
        config = pipeline.config
        names = [*pipeline.target_names, *(pipeline.input_names if config.both_ways else [])]
        for key, given in (
            ("weights", self._weights),
            ("perceptual_weights", self._shape_weights),
            ("cycle", self._cycle),
        ):
            for name in given:
                if name not in names:
                    raise ConfigError(
                        f"objective 'translation': {key} names '{name}', which the network does not answer."
                        f"{nearest(name, names)} It answers {listing(names)}; inputs too with "
                        "task.both_ways=true."
                    )
        if self._cycle and not config.both_ways:
            raise ConfigError(
                "objective 'translation': cycle needs both directions; add task.both_ways=true and a network "
                "that can be reversed, such as invertible_x_net"
            )

    def _autoencoder(self, pipeline: Pipeline) -> Reconstructs:
        network = pipeline.network
        if not (isinstance(network, Reconstructs) and network.reconstructs):
            raise ConfigError(
                f"objective 'translation': reconstruction is {self._reconstruction}, but the network "
                f"'{pipeline.config.network['name']}' cannot reconstruct; take invertible_x_net, or "
                "latent_unet with autoencode=true"
            )
        return network


def _by_variable(
    way: Pipeline, answer: Tensor, target: Tensor, weight: Tensor
) -> Iterator[tuple[str, Tensor, Tensor, Tensor]]:
    """Yield each predicted variable's name, answer, target and weight."""
    counts = way.layout.counts
    fields = (field.split(counts, 1) for field in (answer, target, weight.expand_as(target)))
    yield from zip(way.target_names, *fields, strict=True)


def error(answer: Tensor, target: Tensor, weight: Tensor, l1: float, l2: float) -> Tensor:
    """Return the weighted mean over all cells of l1 |e| + l2 e^2."""
    difference = answer - target
    return mean(l1 * difference.abs() + l2 * difference.square(), weight)


def mean(values: Tensor, weight: Tensor) -> Tensor:
    """Return the weighted mean over the batch, of all processes that share it; 0 where nothing counts."""
    (share,) = mean_over_ranks([weight.sum()])
    return (values * weight).sum() / share.clamp(min=torch.finfo(share.dtype).tiny)
