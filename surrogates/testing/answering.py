"""What holds for every head and every predictor: what networks answer, in physical units."""

from collections.abc import Callable

import torch
from torch import Tensor

from surrogates.core.errors import ConfigError
from surrogates.learning.answers import Answer
from surrogates.learning.context import Context
from surrogates.learning.contract import Predictor
from surrogates.learning.heads import Head
from surrogates.learning.members import Noise
from surrogates.learning.pipeline import Pipeline
from surrogates.testing.common import (
    Made,
    Tensors,
    clone,
    difference,
    expect,
    expect_same,
    guarded,
    maker,
    records_of,
    same,
    take,
)

SPREAD = 0.4
"""Standard deviation of the targets that a head is fitted to, normalised."""
STEPS = 400
"""Steps of the optimiser in that fit."""
LEVELS = (0.1, 0.3, 0.5, 0.7, 0.9)
DRAWS = 4000


def check_head(piece: Made, context: Context | None = None, *, weighs_cells: bool = False) -> None:
    """Check loss, gradient and answers of a head, and that a low loss means a good answer.

    Parameters
    ----------
    piece
        A registered name, a node, or a head.
    context
        Of the data; None where the head reads nothing of it.
    weighs_cells
        Whether its gradient weighs cells otherwise than its loss does: gradients are then compared up to a
        positive factor for each cell.

    Raises
    ------
    AssertionError
        When the loss has another shape than the target or is not finite, when its gradient is wrong, when
        following it leads away from the targets, and when mean, deviation, quantiles and draws disagree.
    """
    context = context or Context.of((), ())
    label, make = maker(Head, piece, context, normalised=True)
    head: Head = make()
    generator = torch.Generator().manual_seed(0)
    outputs = torch.randn(3, 2 * head.outputs, 5, generator=generator)
    target = torch.randn(3, 2, 5, generator=generator)
    with guarded(label):
        loss = head.loss(outputs, target)
    expect(
        loss.shape == target.shape, label, f"the loss has the shape {tuple(loss.shape)}", "that of the target"
    )
    expect(bool(loss.isfinite().all()), label, "the loss is not finite", "a finite one")
    alone = torch.cat([head.loss(outputs[n : n + 1], target[n : n + 1]) for n in range(3)])
    expect(same(alone, loss), label, "the loss of a record depends on the others", "that of each cell alone")
    expect(
        same(make().loss(outputs, target), loss, rtol=0, atol=0),
        label,
        "built again from its node it has another loss",
        "all that it is to follow from its arguments",
    )
    _check_gradient(label, head, outputs, target, weighs_cells)
    if head.denoises:
        return  # its answers are members, which a predictor draws
    _check_answer(label, head, outputs)
    _check_fit(label, head)


def check_predictor(piece: Made, pipeline: Pipeline, batch: Tensors) -> None:
    """Check that a predictor answers each record alone, repeatably, in the shape of the targets.

    Parameters
    ----------
    piece
        A registered name, a node, or a predictor.
    pipeline
        To ask; its targets are those of one step.
    batch
        Inputs in physical units, two records at least.

    Raises
    ------
    AssertionError
        When targets are missing or have another shape, when the answer to a record depends on the others, on
        their order or on a global generator, when equal generators give different answers, and when inputs
        are changed. Of one that draws members, when these have another shape, depend on each other or are all
        the same.
    """
    context = pipeline.context
    label, make = maker(Predictor, piece, context)
    predictor, pipeline = make(), pipeline.eval()
    inputs = {name: batch[name] for name in pipeline.input_names}
    given = clone(inputs)

    def ask(some: Tensors) -> dict[str, Tensor]:
        with torch.no_grad(), guarded(label):
            return dict(predictor(pipeline, some, torch.Generator().manual_seed(0)))

    answer = ask(inputs)
    expect_same(label, inputs, given, "after a call its input", "inputs that stay as they are")
    count = records_of(inputs, context)
    for spec in pipeline.config.targets:
        expect(spec.name in answer, label, f"it answers {sorted(answer)}", f"the target '{spec.name}' too")
        found, wanted = answer[spec.name], (count, *spec.shape)
        expect(
            found.ndim == len(wanted) and all(a % b == 0 for a, b in zip(found.shape, wanted, strict=True)),
            label,
            f"'{spec.name}' has the shape {tuple(found.shape)}",
            f"{wanted}, or several horizons of it",
        )
        expect(bool(found.isfinite().all()), label, f"'{spec.name}' is not finite", "finite values")
    expect_same(label, answer, ask(inputs), "asked again with an equal generator", "an equal answer")
    _check_records(label, ask, inputs, context, answer)
    if predictor.samples:
        _check_members(label, predictor, pipeline, inputs)


def _check_members(label: str, predictor: Predictor, pipeline: Pipeline, inputs: Tensors) -> None:
    config, some = pipeline.config, 3
    noise = Noise.of(inputs, config.inputs, config.record_dimension, some)

    def drawn(noise: Noise) -> Tensors:
        with torch.no_grad(), guarded(label):
            return dict(predictor.members(pipeline, inputs, noise))

    members, last = drawn(noise), drawn(noise.of_members([some - 1]))
    for spec in config.targets:
        values, wanted = members[spec.name], (len(noise.records), some, *spec.shape)
        found = tuple(values.shape)
        expect(found == wanted, label, f"members of '{spec.name}' have the shape {found}", f"{wanted}")
        expect(not same(values[:, 0], values[:, 1]), label, "its members are all the same", "several")
        expect(
            same(last[spec.name][:, 0], values[:, -1]),
            label,
            f"a member of '{spec.name}' alone is another than beside others",
            "members that do not see each other",
        )


def _check_records(
    label: str, ask: Callable[[Tensors], Tensors], inputs: Tensors, context: Context, answer: Tensors
) -> None:
    count = records_of(inputs, context)
    each = {name: value for name, value in answer.items() if len(value) == count and name in context.specs}
    turned = list(reversed(range(count)))
    other = ask(take(inputs, context, turned))
    expect_same(
        label, each, {name: other[name][turned] for name in each}, "in another order", "equal answers"
    )
    for number in range(count):
        alone = ask(take(inputs, context, [number]))
        for name, value in each.items():
            expect(
                same(alone[name][0], value[number]),
                label,
                f"'{name}' of a record alone differs from that in a batch, "
                f"{difference(alone[name][0], value[number])}",
                "records that do not see each other",
            )


class _Straight:
    """A way back that doubles and shifts."""

    def value(self, normalised: Tensor) -> Tensor:
        return 2.0 * normalised + 1.0

    def deviation(self, normalised: Tensor) -> Tensor:
        return 2.0 * normalised

    def require_ordered(self, head: str) -> None:
        """Keep the order, as a straight line does."""


def _check_gradient(label: str, head: Head, outputs: Tensor, target: Tensor, weighs_cells: bool) -> None:
    """Compare the gradient of each cell with differences, as vectors over the outputs of the cell."""
    outputs, target, step = outputs.double().requires_grad_(), target.double(), 1e-6
    (gradient,) = torch.autograd.grad(head.loss(outputs, target).sum(), outputs)
    told, measured = gradient.chunk(head.outputs, 1), []
    with torch.no_grad():
        for number in range(head.outputs):
            parts = list(outputs.detach().chunk(head.outputs, 1))
            ends = []
            for side in (step, -step):
                moved = [*parts[:number], parts[number] + side, *parts[number + 1 :]]
                ends.append(head.loss(torch.cat(moved, 1), target))
            measured.append((ends[0] - ends[1]) / (2 * step))
    one, two = torch.stack(list(told)), torch.stack(measured)
    if weighs_cells:
        one, two = (each / each.norm(dim=0).clamp(min=1e-12) for each in (one, two))
    expect(
        same(one, two, rtol=1e-3, atol=1e-4),
        label,
        f"the gradient of the loss and differences are {difference(one, two)}",
        "the same",
    )


def _check_answer(label: str, head: Head, outputs: Tensor) -> None:
    answer = head.answer(outputs, _Straight())
    shape = (len(outputs), 2, *outputs.shape[2:])
    for what, value in (("mean", answer.mean), ("value", answer.value)):
        expect(value.shape == shape, label, f"the {what} has the shape {tuple(value.shape)}", f"{shape}")
    try:
        quantiles = answer.quantiles(LEVELS)
        draws = answer.draws(DRAWS, torch.Generator().manual_seed(0))
    except ConfigError:
        expect(
            answer.deviation is None, label, "it tells a deviation but no quantiles or draws", "all or none"
        )
        return
    expect(
        quantiles.shape == (len(LEVELS), *shape),
        label,
        f"quantiles have the shape {tuple(quantiles.shape)}",
        "(level, *mean)",
    )
    expect(bool((quantiles.diff(dim=0) >= 0).all()), label, "quantiles cross", "ascending ones")
    _check_spread(label, answer, quantiles, draws)


def _check_spread(label: str, answer: Answer, quantiles: Tensor, draws: Tensor) -> None:
    deviation = answer.deviation
    if deviation is None:
        return
    expect(bool((deviation >= 0).all()), label, "deviations are negative", "non-negative ones")
    error = (draws.mean(0) - answer.mean).abs()
    far = bool((error > 6 * deviation / DRAWS**0.5 + 1e-6).any())
    expect(
        not far, label, f"the mean of its draws is up to {float(error.max()):.3g} off its mean", "the same"
    )
    ratio = draws.std(0) / deviation.clamp(min=1e-9)
    expect(
        bool(((ratio > 0.9) & (ratio < 1.1)).all()),
        label,
        f"its draws have {float(ratio.min()):.3g} to {float(ratio.max()):.3g} of its deviation",
        "the same spread",
    )
    below = (draws[None] < quantiles[:, None]).float().mean(1)
    wanted = torch.tensor(LEVELS).view(-1, *(1,) * (below.ndim - 1))
    expect(
        bool(((below - wanted).abs() < 0.06).all()),
        label,
        "the shares of its draws below its quantiles are not their levels",
        "quantiles and draws of one distribution",
    )


def _check_fit(label: str, head: Head) -> None:
    """Follow the loss on Gaussian targets of a known spread; one answer for all cells."""
    target = 0.5 + SPREAD * torch.randn(1, 1, 2000, generator=torch.Generator().manual_seed(0))
    outputs = torch.zeros(1, head.outputs, 1).requires_grad_()
    optimiser = torch.optim.Adam([outputs], lr=0.03)
    for _ in range(STEPS):
        optimiser.zero_grad()
        head.loss(outputs.expand(-1, -1, target.shape[-1]), target).mean().backward()
        optimiser.step()
    answer = head.answer(outputs.detach(), _Straight())
    value, deviation = (float(answer.value) - 1.0) / 2.0, answer.deviation
    expect(
        abs(value - 0.5) < SPREAD / 2,
        label,
        f"following its loss to targets about 0.5 leads to {value:.3g}",
        "a loss that is least near the targets",
    )
    if deviation is not None:
        spread = float(deviation) / 2.0
        expect(
            abs(spread - SPREAD) < 0.25 * SPREAD,
            label,
            f"fitted to targets of a standard deviation of {SPREAD} it says {spread:.3g}",
            "that of the targets",
        )
