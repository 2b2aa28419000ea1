"""What holds for every transform and every objective: what a network sees, and what it is trained by."""

from collections.abc import Callable, Collection, Mapping
from math import isfinite, prod

import torch
from safetensors.torch import load, save
from torch import Tensor

from surrogates.core.errors import ConfigError
from surrogates.evaluation.metrics import exact
from surrogates.learning.context import Context
from surrogates.learning.contract import Objective
from surrogates.learning.layout import Layout, shared_grid
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.transform import Features, Transform
from surrogates.testing.common import (
    Made,
    Tensors,
    clone,
    difference,
    expect,
    expect_same,
    expect_slope,
    guarded,
    maker,
    records_of,
    same,
    take,
    varies,
)
from surrogates.testing.drawn import draw_batch

OFFSET = "offset"
Loss = Callable[[Tensors], Tensor]


def check_transform(
    piece: Made, context: Context, batch: Tensors | None = None, *, smooth: Collection[str] | None = None
) -> None:
    """Check channels, offset and link of a transform, and that nothing missing is lost.

    An input of NaN has to show: as NaN in channels or offset, or, where its spec may be missing, as another
    value of some channel. It must not reach other records.

    Parameters
    ----------
    piece
        A registered name, a node, or a transform.
    context
        Of the data.
    batch
        Inputs in physical units, two records at least; None draws them from the specs.
    smooth
        Inputs with regard to which gradients are compared with differences; None is all that are numbers.

    Raises
    ------
    AssertionError
        When shapes differ from what it declares, when a record's channels depend on the others or on a
        global generator, when a gradient is wrong, when a saved transform makes other channels, and when NaN
        is lost or spreads.
    """
    label, make = maker(Transform, piece, context)
    transform: Transform = make().eval()
    batch = draw_batch(context) if batch is None else batch
    inputs = {name: batch[name] for name in context.input_names}
    given = clone(inputs)
    with torch.no_grad(), guarded(label):
        features: Features = transform(inputs)
    expect_same(label, inputs, given, "after a call its input", "inputs that stay as they are")
    _check_shapes(label, transform, features, inputs, context)
    made = _channels_second(transform, features, records_of(inputs, context))
    _check_records(label, transform, inputs, context, made)
    _check_missing(label, transform, inputs, context, made)
    _check_saved(label, transform, make().eval(), inputs, context, made)
    _check_link(label, features, inputs, context, transform)
    _check_gradient(label, transform, inputs, context, smooth)


def check_objective(
    piece: Made,
    pipeline: Pipeline,
    batch: Tensors,
    *,
    mean_of_records: bool = True,
    hides: bool = True,
) -> None:
    """Check that a loss is finite, repeatable, has the right gradient and leaves out what does not count.

    Parameters
    ----------
    piece
        A registered name, a node, or an objective.
    pipeline
        To train, with fitted or fresh normalisers; its weights are not changed.
    batch
        Inputs, targets and mask in physical units, two records at least.
    mean_of_records
        Whether the loss of a batch in which all cells count is the mean of its records' losses.
    hides
        Whether target cells that are NaN, or that the mask leaves out, do not count.

    Raises
    ------
    AssertionError
        When any of this does not hold.
    """
    context = pipeline.context
    label, make = maker(Objective, piece, context)
    objective, pipeline = make(), pipeline.eval()

    def loss(some: Tensors) -> Tensor:
        needed = torch.is_grad_enabled() or objective.needs_gradients
        with guarded(label), torch.set_grad_enabled(needed):
            value, _ = objective(pipeline, dict(some), torch.Generator().manual_seed(0))
        return torch.as_tensor(value)

    given = clone(batch)
    value, logged = objective(pipeline, dict(batch), torch.Generator().manual_seed(0))
    expect_same(label, batch, given, "after a call the batch", "a batch that stays as it is")
    expect(value.ndim == 0 and bool(value.isfinite()), label, f"the loss is {value!r}", "a finite scalar")
    for name, scalar in logged.items():
        expect(scalar.numel() == 1, label, f"'{name}' to log has {scalar.numel()} values", "scalars")
    expect(same(loss(batch), value.detach()), label, "equal generators give different losses", "equal losses")
    _check_descent(label, pipeline, lambda: loss(batch))
    whole = _counting(batch, context)
    if mean_of_records:
        count = records_of(whole, context)
        alone = torch.stack([loss(take(whole, context, [n])).detach() for n in range(count)]).mean()
        together = loss(whole).detach()
        expect(
            same(alone, together, rtol=1e-3),
            label,
            f"the loss of a batch is {float(together):.6g}, the mean of its records' {float(alone):.6g}",
            "the same",
        )
    if hides:
        _check_hidden(label, loss, pipeline, whole, context)


def _check_hidden(
    label: str, loss: Loss, pipeline: Pipeline, whole: dict[str, Tensor], context: Context
) -> None:
    """Hide the first cell of each record: its value must not matter, nor make a gradient NaN."""
    for spec in context.targets:
        values = whole[spec.name]
        own = context.mask_of(spec.name)
        if own is not None and whole[own.name].shape == values.shape:
            mask = own.name
            hidden = whole | {mask: _first(whole[mask], 0)}
            one, two = loss(hidden), loss(hidden | {spec.name: _first(values, 1e3)})
            expect(
                same(one, two),
                label,
                f"a cell of '{spec.name}' that the mask leaves out changes the loss",
                "cells that do not count",
            )
        if spec.missing:
            value = loss(whole | {spec.name: _first(values, torch.nan)})
            weights = [each for each in pipeline.network.parameters() if each.requires_grad]
            gradients = torch.autograd.grad(value, weights, allow_unused=True)
            expect(
                all(bool(each.isfinite().all()) for each in (value, *gradients) if each is not None),
                label,
                f"NaN in '{spec.name}' makes the loss or its gradient NaN",
                "cells that do not count",
            )


def _first(values: Tensor, cell: float) -> Tensor:
    """Return values with another one in the first cell of each record, or of the first where each has one."""
    changed = values.clone()
    cells = changed.view(len(changed), -1)
    cells[: None if cells.shape[1] > 1 else 1, 0] = cell
    return changed


def _check_descent(label: str, pipeline: Pipeline, loss: Callable[[], Tensor]) -> None:
    """Compare the slope of the loss down its own gradient with differences, float32."""
    parameters = [each for each in pipeline.network.parameters() if each.requires_grad]
    value = loss()
    gradients = torch.autograd.grad(value, parameters, allow_unused=True)
    known = [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, gradients, strict=True)]
    norm = float(torch.stack([each.double().square().sum() for each in known]).sum().sqrt())
    expect(
        isfinite(norm),
        label,
        "the gradient of the loss is not finite",
        "finite ones, where targets are NaN too",
    )
    expect(norm > 0, label, "no gradient reaches the network", "a loss that trains it")
    step = min(1e-2, 0.01 * abs(float(value.detach())) / norm)
    ends = []
    with torch.no_grad():
        for side in (step, -2 * step):
            for each, gradient in zip(parameters, known, strict=True):
                each.add_(side / norm * gradient)
            ends.append(float(loss()))
        for each, gradient in zip(parameters, known, strict=True):
            each.add_(step / norm * gradient)
    measured = (ends[0] - ends[1]) / (2 * step)
    expect(
        abs(measured - norm) <= 0.05 * norm,
        label,
        f"the gradient of the loss is {norm:.6g} along itself, differences say {measured:.6g}",
        "the same",
    )


def _counting(batch: Tensors, context: Context) -> dict[str, Tensor]:
    """Return a batch in which every cell counts: the mask is true, what is missing is put to the mean."""
    whole = dict(batch)
    for spec in context.masks:
        whole[spec.name] = torch.ones_like(whole[spec.name])
    for spec in context.targets:
        values = whole[spec.name]
        if values.is_floating_point() or values.is_complex():
            known = values.isfinite()
            whole[spec.name] = values.where(known, values[known].mean())
    return whole


def _tensors(features: Features) -> dict[str, Tensor]:
    channels = features.channels
    made = {"channels": channels} if isinstance(channels, Tensor) else dict(channels)
    return made if features.offset is None else made | {OFFSET: features.offset}


def _channels_second(transform: Transform, features: Features, count: int) -> dict[str, Tensor]:
    """Return what a transform makes as (batch, channel, ...), of what all records share a copy for each."""
    made = _tensors(features)
    for name in transform.channels_last:
        value = made[name] if made[name].ndim > 2 else made[name].expand(count, *made[name].shape)
        made[name] = value.movedim(-1, 1)
    return made


def _by_record(made: Tensors, count: int) -> dict[str, Tensor]:
    """Return tensors with the rows of each record in an axis of their own."""
    return {name: value.unflatten(0, (count, -1)) for name, value in made.items()}


def _check_shapes(
    label: str, transform: Transform, features: Features, inputs: Tensors, context: Context
) -> None:
    count, record = records_of(inputs, context), context.record_dimension
    declared, names = transform.in_channels, transform.channel_names
    several = isinstance(declared, Mapping)
    expect(
        several == (not isinstance(features.channels, Tensor)),
        label,
        f"in_channels is {declared}",
        "a number for one tensor, a mapping for several",
    )
    numbers = dict(declared) if isinstance(declared, Mapping) else {"channels": declared}
    every = _channels_second(transform, features, count)
    made = {name: value for name, value in every.items() if name != OFFSET}
    expect(
        set(made) == set(numbers),
        label,
        f"it makes {sorted(made)}",
        f"those of in_channels, {sorted(numbers)}",
    )
    rows = count * prod(transform.fold.values())
    for name, value in made.items():
        expect(
            value.shape[:2] == (rows, numbers[name]),
            label,
            f"'{name}' has the shape {tuple(value.shape)}",
            f"(batch, in_channels, ...), {(rows, numbers[name])}",
        )
    total = sum(map(len, names.values())) if isinstance(names, Mapping) else len(names)
    expect(
        total == sum(numbers.values()), label, f"it names {total} channels", f"{sum(numbers.values())} names"
    )
    grid = shared_grid(context.inputs, context.targets, record) if transform.grid is None else transform.grid
    ends = grid if transform.target_grid is None else transform.target_grid
    if features.offset is not None:
        layout = Layout(context.targets, tuple(ends), record, transform.fold)
        shape = features.offset.shape
        expect(
            shape[0] == rows and shape[1] == layout.channels and len(shape) == 2 + len(ends),
            label,
            f"the offset has the shape {tuple(shape)}",
            f"(batch, {layout.channels}, {', '.join(ends)})",
        )


def _check_records(
    label: str, transform: Transform, inputs: Tensors, context: Context, made: Tensors
) -> None:
    count = records_of(inputs, context)
    for index in (*([n] for n in range(count)), list(reversed(range(count)))):
        with torch.no_grad():
            features = transform(take(inputs, context, index))
        some = _by_record(_channels_second(transform, features, len(index)), len(index))
        for name, value in _by_record(made, count).items():
            expect(
                same(some[name], value[index]),
                label,
                f"'{name}' of a record depends on the others, {difference(some[name], value[index])}",
                "records that do not see each other",
            )


def _check_missing(
    label: str, transform: Transform, inputs: Tensors, context: Context, made: Tensors
) -> None:
    count = records_of(inputs, context)
    made = _by_record(made, count)

    def moved_to(changed: Tensor, name: str) -> dict[str, Tensor]:
        features = transform(dict(inputs) | {name: changed})
        return _by_record(_channels_second(transform, features, count), count)

    for spec in context.inputs:
        values = inputs[spec.name]
        if not varies(spec.name, context) or not (values.is_floating_point() or values.is_complex()):
            continue
        changed = inputs[spec.name].clone()
        with torch.no_grad():
            changed[0] += 1.0
            moved = moved_to(changed, spec.name)
            if all(same(moved[name], value) for name, value in made.items()):
                continue  # nothing is made of it
            changed[0] = torch.nan
            found = moved_to(changed, spec.name)
        shows = any(bool(value[0].isnan().any()) for value in found.values())
        if spec.missing:
            shows |= any(not same(value[0], made[name][0]) for name, value in found.items())
        expect(
            shows, label, f"NaN in '{spec.name}' is lost", "NaN, or a channel that tells where it is missing"
        )
        for name, value in found.items():
            expect(
                same(value[1:], made[name][1:]),
                label,
                f"NaN in '{spec.name}' of one record changes '{name}' of others",
                "NaN to stay in its record",
            )


def _check_saved(
    label: str, transform: Transform, other: Transform, inputs: Tensors, context: Context, made: Tensors
) -> None:
    state = {name: value.contiguous() for name, value in transform.state_dict().items()}
    other.load_state_dict(load(save(state)))
    with torch.no_grad():
        found = _channels_second(other, other(dict(inputs)), records_of(inputs, context))
    expect_same(label, made, found, "saved and loaded", "equal channels")


def _check_link(
    label: str, features: Features, inputs: Tensors, context: Context, transform: Transform
) -> None:
    if features.link is None:
        return
    grid = transform.grid if transform.target_grid is None else transform.target_grid
    layout = Layout(context.targets, tuple(grid or ()), context.record_dimension, transform.fold)
    shape = (records_of(inputs, context) * layout.folded, layout.channels, *layout.grid_shape)
    residual = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    back = features.link.decode(features.link.encode(residual))
    expect(
        same(back, residual, rtol=1e-3, atol=1e-3),
        label,
        f"its link decodes what it encoded to {difference(back, residual)}",
        "what was encoded",
    )
    try:
        spread = features.link.deviation(torch.ones(shape))
    except ConfigError:
        return  # refused, since nothing is known of the correlations
    expect(
        spread.shape == shape and bool((spread >= 0).all()),
        label,
        f"the deviations of its link have the shape {tuple(spread.shape)} or are negative",
        "non-negative ones in the shape of the targets",
    )


def _check_gradient(
    label: str, transform: Transform, inputs: Tensors, context: Context, chosen: Collection[str] | None
) -> None:
    """Compare the gradient with differences where the channels have one, in double precision."""
    floats = {
        name: exact(value).where(value.isfinite(), 0.0).requires_grad_()
        for name, value in inputs.items()
        if (value.is_floating_point() or value.is_complex())
        and (name in chosen if chosen is not None else varies(name, context))
    }
    rest = {name: value for name, value in inputs.items() if name not in floats}
    weights: dict[str, Tensor] = {}

    def total() -> Tensor:
        generator = torch.Generator().manual_seed(0)
        parts = []
        for name, value in _tensors(transform(floats | rest)).items():
            if name not in weights:
                weights[name] = torch.randn(value.shape, generator=generator, dtype=torch.float64)
            parts.append((value * weights[name]).sum())
        return torch.stack(parts).sum()

    try:
        value = total()
    except RuntimeError:
        return  # it takes single precision alone
    if not value.requires_grad or value.dtype != torch.float64 or not bool(value.isfinite()):
        return
    reached = torch.autograd.grad(value, list(floats.values()), allow_unused=True)
    smooth = [each for each, gradient in zip(floats.values(), reached, strict=True) if gradient is not None]
    if smooth:
        expect_slope(label, "its channels", total, smooth)
