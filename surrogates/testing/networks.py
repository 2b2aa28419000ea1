"""What holds for every network, whatever it is made of."""

import copy
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from surrogates.core.build import build, split_node
from surrogates.learning.pipeline import CONDITION, NOISY, TIME
from surrogates.learning.reversal import Reversible
from surrogates.testing.common import Made, difference, expect, expect_slope, guarded, same
from surrogates.testing.registered import check_registered

Inputs = Tensor | Mapping[str, Tensor]
KEPT = 4
"""Values of an answer that `known_answer` keeps beside their moments."""


def check_model(
    piece: Made,
    inputs: Inputs,
    answer: Sequence[int],
    *,
    sweep: Sequence[Mapping[str, Any]] = ({},),
    spreads_nan: bool = True,
    idle: Collection[str] = (),
    smooth: bool = True,
    at_points: str | None = None,
) -> None:
    """Check shapes, gradients, independence of records, repeatability and saved weights of a network.

    Parameters
    ----------
    piece
        A registered name, a node, or a network.
    inputs
        What `forward` takes: (batch, channel, ...), or several such tensors by name; two records at least.
        Of a network that denoises they are `noisy`, `time` (batch,) and `condition`.
    answer
        Shape of the answer to one record, (channel, ...); empty for one number.
    sweep
        Arguments to try, each beside those of the node.
    spreads_nan
        Whether an input of NaN may be given, and makes the answer to its record NaN.
    idle
        Parameters that no gradient reaches by design.
    smooth
        Whether gradients are compared with differences with regard to the inputs too.
    at_points
        Tensor of the coordinates of a network that answers at points, (batch, point, coordinate): it is then
        checked that points do not see each other, and that coordinates which all records share, (point,
        coordinate), are answered as a copy for each record is.

    Raises
    ------
    AssertionError
        When the answer has another shape or is not finite, depends on the other records or on a global
        generator, when a gradient is wrong or does not reach a parameter, when networks of equal seeds
        differ, and when saved weights answer otherwise.
    """
    for arguments in sweep:
        label, make = _maker(piece, arguments, inputs, answer, at_points)
        with torch.random.fork_rng([]):
            _check_one(label, make, inputs, tuple(answer), spreads_nan, idle, smooth)
            if at_points is not None and isinstance(inputs, Mapping):
                _check_points(label, make().eval(), inputs, at_points)


def known_answer(
    piece: Made, inputs: Inputs, answer: Sequence[int], at_points: str | None = None
) -> list[float]:
    """Return mean, standard deviation and a few values of what a network with known weights answers.

    Weights and inputs follow from a formula and all is computed in float64, so that the numbers depend on the
    network alone. Kept beside a test they tell when a network computes something else.

    Parameters
    ----------
    piece, inputs, answer, at_points
        As for `check_model`; of the inputs only the shapes count.
    """
    _, make = _maker(piece, {}, inputs, answer, at_points)
    with torch.random.fork_rng([]), torch.no_grad():
        torch.manual_seed(0)
        network = _double(make()).eval()
        for number, weight in enumerate(network.parameters()):
            weight.copy_(
                _known(weight.shape, number) / math.sqrt(max(1, weight[0].numel() if weight.ndim else 1))
            )
        given = _each(inputs, lambda value: _known(value.shape, 100))
        values = _call(network, given)
    flat = values.flatten()
    places = torch.linspace(0, len(flat) - 1, KEPT).round().long()
    return [float(flat.mean()), float(flat.std()), *(float(flat[place]) for place in places)]


def _check_one(
    label: str,
    make: Callable[[], nn.Module],
    inputs: Inputs,
    answer: tuple[int, ...],
    spreads_nan: bool,
    idle: Collection[str],
    smooth: bool,
) -> None:
    torch.manual_seed(0)
    network = make().eval()
    torch.manual_seed(0)
    again = make().eval()
    count = len(next(iter(inputs.values())) if isinstance(inputs, Mapping) else inputs)
    expect(count > 1, label, "the example has one record", "two at least")
    with torch.no_grad(), guarded(f"{label} in evaluation"):
        out = _call(network, inputs)
    expect(
        out.shape == (count, *answer),
        label,
        f"it answers {tuple(out.shape)}",
        f"(batch, *answer), {(count, *answer)}",
    )
    expect(bool(out.isfinite().all()), label, "it answers values that are not finite", "finite ones")
    expect(same(out, _call(again, inputs)), label, "networks of equal seeds differ", "equal answers")
    _check_records(label, network, inputs, out, spreads_nan)
    _check_saved(label, make, network, inputs, out)
    _check_gradients(label, network, inputs, idle, smooth)


def _check_records(label: str, network: nn.Module, inputs: Inputs, out: Tensor, spreads_nan: bool) -> None:
    with torch.no_grad():
        for number in range(len(out)):
            alone = _call(network, _each(inputs, lambda value, at=number: value[at : at + 1]))  # type: ignore[misc]
            expect(
                same(alone[0], out[number]),
                label,
                f"a record alone is answered otherwise than in a batch, {difference(alone[0], out[number])}",
                "records that do not see each other",
            )
        turned = _call(network, _each(inputs, lambda value: value.flip(0))).flip(0)
        expect(
            same(turned, out),
            label,
            f"the order of the records changes their answers, {difference(turned, out)}",
            "the same answers",
        )
        missing = _each(inputs, lambda value: torch.cat([torch.full_like(value[:1], torch.nan), value[1:]]))
        if not spreads_nan:
            return
        lost = _call(network, missing)
        expect(
            same(lost[1:], out[1:]),
            label,
            "NaN of one record changes the answers to others",
            "NaN to stay there",
        )
        expect(
            not bool(lost[0].isfinite().all()),
            label,
            "a record of NaN is answered with finite values",
            "NaN, so that nothing missing passes for known",
        )


def _check_points(label: str, network: nn.Module, inputs: Mapping[str, Tensor], at_points: str) -> None:
    """Check that points do not see each other, and that all records may share them."""
    points = inputs[at_points]
    with torch.no_grad():
        whole = _call(network, inputs)
        for count in (1, points.shape[1] // 2):
            few = _call(network, {**inputs, at_points: points[:, -count:]})
            expect(
                same(few, whole[..., -count:]),
                label,
                f"{count} of {points.shape[1]} points are answered otherwise, "
                f"{difference(few, whole[..., -count:])}",
                "points that do not see each other, in any number",
            )
        for number in range(len(whole)):
            shared = _call(network, {**inputs, at_points: points[number]})
            expect(
                same(shared[number], whole[number]),
                label,
                f"points that all records share are answered otherwise, "
                f"{difference(shared[number], whole[number])}",
                "the same answers as to a copy for each record",
            )


def _check_saved(
    label: str, make: Callable[[], nn.Module], network: nn.Module, inputs: Inputs, out: Tensor
) -> None:
    state = {name: value.contiguous() for name, value in network.state_dict().items()}
    torch.manual_seed(1)
    other = make().eval()
    other.load_state_dict(load(save(state)))
    with torch.no_grad():
        restored = _call(other, inputs)
    expect(
        same(restored, out, rtol=0, atol=0),
        label,
        f"saved and loaded weights answer otherwise, {difference(restored, out)}",
        "equal answers: everything that is learned is a parameter or a buffer",
    )


def _check_gradients(
    label: str, network: nn.Module, inputs: Inputs, idle: Collection[str], smooth: bool
) -> None:
    """Check gradients in double precision and a little off the first weights, of which some are zero."""
    network = _double(copy.deepcopy(network))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    given = _each(inputs, lambda value: value.double().requires_grad_())
    target = _call(network, given).detach() if isinstance(network, Reversible) else None

    def total() -> Tensor:
        outputs = [_call(network, given)]
        if isinstance(network, Reversible) and target is not None:
            outputs.append(network.reverse(target))
        return torch.stack([(each * _known(each.shape, 1).to(each)).sum() for each in outputs]).sum()

    parameters = {name: each for name, each in network.named_parameters() if each.requires_grad}
    gradients = torch.autograd.grad(total(), list(parameters.values()), allow_unused=True)
    for name, gradient in zip(parameters, gradients, strict=True):
        reached = gradient is not None and bool(gradient.isfinite().all()) and bool(gradient.any())
        expect(
            reached or name in idle,
            label,
            f"no gradient reaches the parameter '{name}'",
            "a gradient for every parameter that is trained",
        )
    tensors: list[Tensor] = [p for p in parameters.values() if not p.is_complex()]
    if smooth:
        tensors += list(given.values()) if isinstance(given, Mapping) else [given]
    expect_slope(label, "its answer", total, tensors)


def _maker(
    piece: Made,
    arguments: Mapping[str, Any],
    inputs: Inputs,
    answer: Sequence[int],
    at_points: str | None = None,
) -> tuple[str, Callable[[], nn.Module]]:
    if isinstance(piece, nn.Module):
        return f"model {type(piece).__name__}", lambda: copy.deepcopy(piece)
    name, given = split_node("models", piece if isinstance(piece, Mapping) else {"name": piece})
    check_registered("models", name)
    node = {"name": name, **given, **arguments}
    seen, noisy = inputs, None
    if isinstance(inputs, Mapping) and {NOISY, TIME} <= set(inputs):
        seen, noisy = {name: inputs[name] for name in inputs if name not in (NOISY, TIME)}, inputs[NOISY]
        seen = seen[CONDITION] if set(seen) == {CONDITION} else seen
    if at_points is not None and isinstance(seen, Mapping):
        seen = {**seen, at_points: seen[at_points][:, 0]}
    shapes: dict[str, object] = {
        "in_channels": _shapes(seen, lambda value: value.shape[1]),
        "in_shape": _shapes(seen, lambda value: tuple(value.shape[2:])),
        "out_channels": answer[0] if answer else 1,
        "out_shape": tuple(answer[1:]),
    }
    if len(answer) == 2:
        shapes["horizon"] = answer[1]
    if noisy is not None:
        shapes["noisy_channels"] = noisy.shape[1]
    told = f" ({', '.join(f'{key}={value}' for key, value in node.items() if key != 'name')})"
    label = f"model '{name}'" + (told if len(node) > 1 else "")
    return label, lambda: cast(nn.Module, build("models", node, **shapes))


def _shapes(inputs: Inputs, of: Callable[[Tensor], Any]) -> object:
    return {name: of(value) for name, value in inputs.items()} if isinstance(inputs, Mapping) else of(inputs)


def _each(inputs: Inputs, change: Callable[[Tensor], Tensor]) -> Inputs:
    if isinstance(inputs, Mapping):
        return {name: change(value) for name, value in inputs.items()}
    return change(inputs)


def _call(network: nn.Module, inputs: Inputs) -> Tensor:
    return cast(Tensor, network(**inputs) if isinstance(inputs, Mapping) else network(inputs))


def _double(network: nn.Module) -> nn.Module:
    """Turn a network to double precision; `nn.Module.double` leaves complex weights as they are."""
    for module in network.double().modules():
        for parameter in module.parameters(recurse=False):
            if parameter.is_complex():
                parameter.data = parameter.data.to(torch.complex128)
    return network


def _known(shape: torch.Size, seed: int) -> Tensor:
    """Return numbers of mean 0 and variance 1 that every machine and release draws alike, float64."""
    return torch.as_tensor((np.random.default_rng(seed).random(tuple(shape)) - 0.5) * math.sqrt(12.0))
