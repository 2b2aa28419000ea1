"""Diffusion as a task: the head of a network that denoises, its objective, and the predictor that samples."""

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from surrogates.core.errors import ConfigError
from surrogates.core.ranges import Count, Share
from surrogates.core.text import listing
from surrogates.data.batch import Batch
from surrogates.learning import diffusion
from surrogates.learning.answers import Answer
from surrogates.learning.context import Context
from surrogates.learning.contract import Objective, Predictor
from surrogates.learning.diffusion import Level, Prediction, Sampler, Schedule
from surrogates.learning.heads import Head, WayBack
from surrogates.learning.hold_out import samples_of
from surrogates.learning.members import Noise
from surrogates.learning.objectives import cell_weights, hide, mean_by_target, require_shape
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.transform import Features

HELD_OUT_DRAWS = 4
"""Times at which each record is denoised outside training, so that the loss rests on more than one."""


class Denoiser(Head):
    """A network that takes noise out of the normalised targets, for diffusion.

    Its forward is ``(noisy, time, condition)`` (`surrogates.learning.pipeline.CONDITION`). Answers are
    members, which the predictor `diffusion` draws.

    Parameters
    ----------
    schedule
        How signal and noise change with time (`surrogates.learning.diffusion.level_at`).
    prediction
        What the network predicts: `v`, the noise `eps`, the clean targets `x0`, or `both` of these two, for
        which it has twice the outputs.
    loss
        Squared or absolute error of that.
    """

    takes_complex = True
    takes_directions = True
    denoises = True

    def __init__(
        self,
        schedule: Schedule = "cosine",
        prediction: Prediction = "v",
        loss: Literal["mse", "mae"] = "mse",
    ) -> None:
        if schedule == "decoupled" and prediction == "eps":
            raise ConfigError(
                "head 'diffusion': prediction is 'eps' with the schedule 'decoupled', which ends in noise "
                "only, so that no targets follow; take prediction=both, x0 or v"
            )
        self.schedule, self.prediction = schedule, prediction
        self.outputs = 2 if prediction == "both" else 1
        self._distance = {"mse": functional.mse_loss, "mae": functional.l1_loss}[loss]

    def level(self, time: Tensor, ndim: int) -> Level:
        """Return the level at some times, (batch,), for fields with so many axes."""
        return diffusion.level_at(self.schedule, time, ndim)

    def clean(self, outputs: Tensor, noisy: Tensor, time: Tensor) -> Tensor:
        """Return the clean targets that follow from the network's outputs."""
        return diffusion.clean_from(self.prediction, outputs, noisy, self.level(time, noisy.ndim))

    def wanted(self, clean: Tensor, noise: Tensor, time: Tensor) -> Tensor:
        """Return what the network should answer."""
        return diffusion.predicted(self.prediction, clean, noise, self.level(time, clean.ndim))

    def loss(self, outputs: Tensor, target: Tensor, past: Tensor | None = None) -> Tensor:
        """Return the distance from what is `wanted`, the mean over the head's outputs."""
        distance = self._distance(outputs, target, reduction="none")
        return distance if self.outputs == 1 else torch.stack(distance.chunk(self.outputs, 1)).mean(0)

    def answer(self, outputs: Tensor, back: WayBack) -> Answer:
        """Refuse: one output is no answer."""
        raise ConfigError("head 'diffusion': answers are drawn; take the predictor 'diffusion'")


class Denoising(Objective):
    """The head's loss of targets with noise of a random strength; NaN targets do not count.

    In training the times of a batch are spread evenly from a random start, which makes the gradient steadier
    [1]_. Outside training each record has its own times and noise, which depend only on its inputs, so that
    losses compare.

    Parameters
    ----------
    context
        Of the data.
    weights
        Weight of each target, 1 where not given.

    References
    ----------
    .. [1] D. P. Kingma, T. Salimans, B. Poole, J. Ho, "Variational diffusion models", NeurIPS 2021,
       arXiv:2107.00630, appendix I.1.
    """

    takes_complex = True
    takes_directions = True

    def __init__(self, context: Context, weights: dict[str, float] | None = None) -> None:
        self._weights, self._mask = weights or {}, context.mask_names

    def __call__(
        self, pipeline: Pipeline, batch: Batch, rng: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the weighted mean of the loss over all cells that count, and each target's term."""
        head, features = denoiser_of(pipeline), pipeline.features(batch)
        target = pipeline.normalised_targets(batch, features)
        weight = cell_weights(pipeline, batch, target, self._mask)
        (clean,) = hide(weight, target)
        if pipeline.training:
            noise = torch.randn(clean.shape, generator=rng, device=clean.device)
            time = _spread_times(len(clean), rng, clean)
        else:
            noise, time = _held_out(pipeline, batch, clean)
            clean = clean.repeat_interleave(HELD_OUT_DRAWS, 0)
            weight = None if weight is None else weight.repeat_interleave(HELD_OUT_DRAWS, 0)
        noisy = diffusion.mixed(clean, noise, head.level(time, clean.ndim))
        outputs = pipeline.normalised(features, noisy=noisy, time=time)
        require_shape(pipeline, outputs, clean)
        loss = head.loss(outputs, head.wanted(clean, noise, time))
        return mean_by_target(pipeline, loss, weight, self._weights)


class Diffusion(Predictor):
    """Draw members from noise, step by step.

    Parameters
    ----------
    context
        Of the data.
    samples
        Members of each record where nothing else is asked for; the prediction is their mean.
    sampling_steps
        Calls of the network for each member. With one every member is the conditional mean.
    eta
        Noise that is drawn in each step: 0 none (DDIM), 1 as much as training's process has (DDPM; with the
        schedule `decoupled` as published).
    guidance
        Share of the way by which the estimate of each step is pulled to measured targets, which inputs
        ``<target>_samples`` hold, NaN where there is none. With 1 members have the measured values.
    sampler
        `ddim` or `multistep`, which needs fewer steps (`surrogates.learning.diffusion`).
    """

    takes_complex = True
    takes_directions = True

    def __init__(
        self,
        context: Context,
        samples: Count = 16,
        sampling_steps: Count = 20,
        eta: Share = 0.0,
        sampler: Sampler = "ddim",
        guidance: Share = 0.0,
    ) -> None:
        self.samples = samples
        self._sampling_steps, self._eta, self._sampler = sampling_steps, eta, sampler
        self._guidance = guidance
        self._measured = _measured_of(context, guidance) if guidance else []

    def members(self, pipeline: Pipeline, inputs: Mapping[str, Tensor], noise: Noise) -> Batch:
        """Return members of the targets in physical units, each (batch, member, ...)."""
        head, features = denoiser_of(pipeline), pipeline.features(inputs)
        count, shape = len(noise.members), _shape_of(pipeline, inputs)
        draws = iter(range(self._sampling_steps))

        def denoise(noisy: Tensor, time: Tensor) -> Tensor:
            return head.clean(pipeline.normalised(features, noisy=noisy, time=time), noisy, time)

        estimate: diffusion.Denoise = denoise
        if self._measured:
            known = _known(pipeline, inputs, features, self._measured, (len(noise.records), *shape))
            estimate = diffusion.pulled(denoise, known.repeat_interleave(count, 0), self._guidance)
        drawn = diffusion.sample(
            estimate,
            head.schedule,
            lambda: _rows(noise, pipeline, shape, next(draws)),
            steps=self._sampling_steps,
            eta=self._eta,
            sampler=self._sampler,
        )
        members = [pipeline.physical(each, features) for each in drawn.unflatten(0, (-1, count)).unbind(1)]
        return {name: torch.stack([each[name] for each in members], 1) for name in pipeline.target_names}


def denoiser_of(pipeline: Pipeline) -> Denoiser:
    """Return the head of a pipeline that denoises.

    Raises
    ------
    ConfigError
        When it has another one.
    """
    if isinstance(pipeline.head, Denoiser):
        return pipeline.head
    raise ConfigError(
        f"diffusion needs the head 'diffusion', found '{pipeline.config.head['name']}'; take task=diffusion"
    )


def _measured_of(context: Context, guidance: float) -> list[str]:
    """Return the targets that inputs hold where they were measured; refuse guidance without any."""
    inputs = {spec.name: spec for spec in context.inputs}
    found = [name for name in context.target_names if samples_of(name) in inputs]
    if not found:
        raise ConfigError(
            f"predictor 'diffusion': guidance={guidance:g} needs measured targets among the inputs, such as "
            f"'{samples_of(context.target_names[0])}'; found {listing(inputs)}; leave guidance out"
        )
    for spec in (spec for spec in context.targets if spec.name in found):
        own = inputs[samples_of(spec.name)]
        if (own.dims, own.units) != (spec.dims, spec.units):
            raise ConfigError(
                f"predictor 'diffusion': guidance needs '{own.name}' with the dimensions and units of "
                f"'{spec.name}', {spec.dims} in {spec.units}; found {own.dims} in {own.units}"
            )
    return found


def _known(
    pipeline: Pipeline,
    inputs: Mapping[str, Tensor],
    features: Features,
    measured: Sequence[str],
    shape: tuple[int, ...],
) -> Tensor:
    """Return the normalised targets where they were measured, NaN elsewhere.

    Parameters
    ----------
    pipeline, inputs, features
        Of a batch.
    measured
        Targets that inputs hold.
    shape
        Records, channels and grid.
    """
    records, *field = shape
    rows = records * pipeline.layout.folded
    like = inputs[samples_of(measured[0])]
    nothing = pipeline.layout.unpack(torch.full((rows, *field), torch.nan, device=like.device))
    told = {name: inputs[samples_of(name)] for name in measured}
    return pipeline.normalised_targets(nothing | told, features)


def _spread_times(count: int, rng: torch.Generator, like: Tensor) -> Tensor:
    start = torch.rand(1, generator=rng, device=like.device)
    return (start + torch.arange(count, device=like.device) / count) % 1.0


def _held_out(pipeline: Pipeline, batch: Batch, clean: Tensor) -> tuple[Tensor, Tensor]:
    """Return noise and times of each row, several draws in a row; they depend only on a record's inputs."""
    config = pipeline.config
    drawn = Noise.of(batch, config.inputs, config.record_dimension, HELD_OUT_DRAWS)
    noise = _rows(drawn, pipeline, clean.shape[1:], 0)
    start = torch.special.ndtr(_rows(drawn, pipeline, (1,), 1))[:, 0]
    place = torch.arange(len(start), device=start.device) % HELD_OUT_DRAWS
    return noise, (start + place) / HELD_OUT_DRAWS


def _rows(noise: Noise, pipeline: Pipeline, shape: tuple[int, ...], draw: int) -> Tensor:
    """Return noise of some shape for each row of the network's batch: records, folded entries, members."""
    drawn = noise.normal((pipeline.layout.folded, *shape), draw)
    return drawn.transpose(1, 2).flatten(0, 2)


def _shape_of(pipeline: Pipeline, inputs: Mapping[str, Tensor]) -> tuple[int, ...]:
    """Return the shape of normalised targets; along dimensions that inputs have, as long as these."""
    layout = pipeline.layout
    sizes: dict[str, int] = {}
    for spec in pipeline.config.inputs:
        dims = [dim for dim in spec.dims if dim != layout.record_dimension]
        shape = inputs[spec.name].shape
        sizes |= dict(zip(dims, shape[len(shape) - len(dims) :], strict=True))
    lengths = zip(layout.grid, layout.grid_shape, strict=True)
    return layout.channels, *(sizes.get(dim, length) for dim, length in lengths)
