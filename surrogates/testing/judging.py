"""What holds for every baseline, metric and plot: what judges a network, and what shows it."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import torch
from torch import Tensor

from datasets.store.specs import VariableSpec
from datasets.store.units import parse
from surrogates.evaluation.evaluate import Target, inputs_of
from surrogates.evaluation.probabilistic import Spread
from surrogates.evaluation.ranking import badness
from surrogates.learning.conformal import Calibration
from surrogates.learning.context import Context
from surrogates.learning.contract import Baseline, Best, Metric, Plot
from surrogates.learning.layout import is_complex
from surrogates.report.pictures import Examples
from surrogates.report.sounds import Tracks, encode_tracks
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
from surrogates.testing.drawn import draw_batch

RECORDS = 12
MEMBERS = 6
FAR = 50.0
"""How often the error of a bad prediction is that of a good one."""
FIELD = VariableSpec(name="field", dims=("sample", "y", "x"), shape=(12, 12), units="K", long_name="a field")


def check_baseline(piece: Made, context: Context, batches: Sequence[Tensors] | None = None) -> None:
    """Check that a baseline learns the same from the same data and answers each record alone.

    Parameters
    ----------
    piece
        A registered name, a node, or a baseline.
    context
        Of the data.
    batches
        To fit, with inputs and targets in physical units; the last one is asked too, and has two records at
        least. None draws them from the specs.

    Raises
    ------
    AssertionError
        When two fits differ, when the answer to a record depends on the others, on their order or on a
        global generator, when targets are missing, have another shape or are not finite, and when inputs are
        changed.
    """
    label, make = maker(Baseline, piece, context)
    batches = [draw_batch(context, seed=seed) for seed in range(2)] if batches is None else batches
    given = [clone(batch) for batch in batches]
    targets = [Target(spec, context.mask_of(spec.name)) for spec in context.targets]
    inputs = inputs_of(dict(batches[-1]), targets)

    def fitted() -> Any:
        with guarded(label):
            return make().fit([dict(batch) for batch in batches])

    def ask(baseline: Any, some: Tensors) -> dict[str, Tensor]:
        with torch.no_grad(), guarded(label):
            return dict(baseline(dict(some), torch.Generator().manual_seed(0)))

    baseline = fitted()
    answer = ask(baseline, inputs)
    for number, batch in enumerate(batches):
        expect_same(
            label, batch, given[number], "after fit and call the batch", "batches that stay as they are"
        )
    count = records_of(inputs, context)
    for spec in context.targets:
        expect(spec.name in answer, label, f"it answers {sorted(answer)}", f"the target '{spec.name}' too")
        value, shape = answer[spec.name], (count, *spec.shape)
        expect(
            tuple(value.shape) == shape,
            label,
            f"'{spec.name}' has the shape {tuple(value.shape)}",
            f"{shape}",
        )
        expect(
            value.dtype.is_complex if is_complex(spec) else value.dtype.is_floating_point,
            label,
            f"'{spec.name}' is {value.dtype}",
            "complex numbers" if is_complex(spec) else "floating-point numbers",
        )
        expect(
            bool(value.isfinite().all()), label, f"'{spec.name}' is not finite", "an answer for every cell"
        )
    expect_same(
        label, answer, ask(baseline, inputs), "asked again with an equal generator", "an equal answer"
    )
    expect_same(label, answer, ask(fitted(), inputs), "fitted again to the same batches", "an equal answer")
    each = {name: value for name, value in answer.items() if len(value) == count}
    for index in (*([n] for n in range(count)), list(reversed(range(count)))):
        some = ask(baseline, take(inputs, context, index))
        for name, value in each.items():
            expect(
                same(some[name], value[index], rtol=1e-3, atol=1e-3),
                label,
                f"'{name}' of a record depends on the others, {difference(some[name], value[index])}",
                "records that do not see each other",
            )


def check_metric(
    piece: Made,
    spec: VariableSpec = FIELD,
    *,
    best: float | None = None,
    context: Context | None = None,
    members: bool = False,
) -> None:
    """Check that a metric does not depend on batches or order, and honours weights and NaN.

    Parameters
    ----------
    piece
        A registered name, a node, or a metric.
    spec
        Of the target.
    best
        Its value for a perfect prediction; None where that says nothing.
    context
        Of the data; None knows the target alone.
    members
        Whether predictions have members.

    Raises
    ------
    AssertionError
        When the score depends on how records were batched or ordered or on cells that do not count, when a
        NaN that counts is hidden, when nothing counts and it is a number, when a perfect prediction has
        another value than `best`, and when it is worse than a bad one by what the metric's own `best` says.
    """
    label, make = maker(Metric, piece, context or Context.of((), (spec,)))
    metric: Metric = make()
    data = _Scored.draw(spec, MEMBERS if members else 0)
    with guarded(label):
        whole = data.score(label, metric, [range(RECORDS)])
    expect(bool(np.isfinite(whole)), label, f"it is {whole}", "a finite score of random data")
    for batches in ([range(5), range(5, RECORDS)], [[n] for n in range(RECORDS)]):
        found = data.score(label, metric, batches)
        expect(_near(found, whole), label, f"in other batches it is {found:.9g} for {whole:.9g}", "the same")
    found = data.score(label, metric, [range(RECORDS - 1, -1, -1)])
    expect(_near(found, whole), label, f"in another order it is {found:.9g} for {whole:.9g}", "the same")
    found = data.score(label, metric, [range(RECORDS), range(RECORDS)])
    expect(
        _near(found, whole), label, f"with every record twice it is {found:.9g} for {whole:.9g}", "the same"
    )
    far = data.changed(prediction=data.prediction.where(data.weight > 0, data.prediction + 7.0))
    found = far.score(label, metric, [range(RECORDS)])
    expect(
        _near(found, whole),
        label,
        f"cells of weight 0 change it to {found:.9g} from {whole:.9g}",
        "no difference",
    )
    _check_unknown(label, metric, data)
    if best is not None:
        perfect = data.changed(prediction=data.target).score(label, metric, [range(RECORDS)])
        expect(_near(perfect, best, 1e-6), label, f"a perfect prediction has {perfect:.9g}", f"{best:g}")
    _check_direction(label, metric, data)
    try:
        parse(metric.units(spec.units))
    except ValueError as error:
        expect(False, label, f"its units do not parse ({error})", "words of UDUNITS")


def check_plot(piece: Made, examples: Examples, context: Context | None = None) -> None:
    """Check that a plot returns figures of its own or sounds, for one example too, and changes nothing.

    Parameters
    ----------
    piece
        A registered name, a node, or a plot.
    examples
        Two at least, which the plot is made for.
    context
        Of the data; None where the plot reads nothing of it.

    Raises
    ------
    AssertionError
        When it returns nothing, uses the global state of pyplot, or changes the examples.
    """
    import matplotlib as mpl
    from matplotlib import pyplot
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    label, make = maker(Plot, piece, context or Context.of((), ()))
    one = _few(examples, 1)
    before = copy.deepcopy(examples)
    opened, settings = pyplot.get_fignums(), dict(mpl.rcParams)
    for what, given in (("", examples), (" of one example", one)):
        with guarded(label):
            figures = make()(given)
        expect(bool(figures), label, f"it draws nothing{what}", "a figure by title")
        for title, shown in figures.items():
            expect(
                isinstance(shown, Figure | Tracks),
                label,
                f"'{title}'{what} is a {type(shown).__name__}",
                "a matplotlib Figure, or Tracks",
            )
            if isinstance(shown, Tracks):
                with guarded(label):
                    told = encode_tracks(shown)
                expect(bool(told), label, f"'{title}'{what} has no signals", "something heard")
                continue
            expect(bool(shown.axes), label, f"'{title}'{what} has no axes", "something drawn")
            FigureCanvasAgg(shown).draw()
        expect(
            pyplot.get_fignums() == opened and dict(mpl.rcParams) == settings,
            label,
            "it opens a figure of pyplot or changes its settings",
            "matplotlib.figure.Figure, without global state",
        )
    unchanged = examples.data.identical(before.data) and all(
        examples.predictions[name].identical(value) for name, value in before.predictions.items()
    )
    expect(unchanged, label, "it changes the examples", "examples that stay as they are")


def _few(examples: Examples, count: int) -> Examples:
    some = {examples.record_dimension: slice(0, count)}
    predictions = {name: value.isel(some) for name, value in examples.predictions.items()}
    return replace(examples, data=examples.data.isel(some), predictions=predictions)


class _Scored:
    """Random predictions, targets, weights and spreads of one target."""

    def __init__(self, spec: VariableSpec, tensors: Mapping[str, Tensor]) -> None:
        self.spec, self._tensors = spec, dict(tensors)

    @classmethod
    def draw(cls, spec: VariableSpec, members: int) -> "_Scored":
        """Draw fields whose errors are a fifth of their spread; every third cell does not count.

        Errors of a complex field are complex. Members lie about the prediction as the errors do.
        """
        generator = torch.Generator().manual_seed(0)

        def normal(*shape: int) -> Tensor:
            return torch.randn(shape, generator=generator, dtype=torch.float64)

        shape = (RECORDS, *spec.shape)
        target, error = 10.0 + normal(*shape), 0.2 * normal(*shape)
        if is_complex(spec):
            target, error = torch.complex(target, normal(*shape)), torch.complex(error, 0.2 * normal(*shape))
        weight = (torch.rand(shape, generator=generator) > 1 / 3).double()
        deviation = 0.1 + 0.2 * torch.rand(shape, generator=generator, dtype=torch.float64)
        drawn = {"prediction": target + error, "target": target, "weight": weight, "deviation": deviation}
        if members:
            drawn["apart"] = 0.2 * normal(RECORDS, members, *spec.shape).to(target.dtype)
        return cls(spec, drawn)

    @property
    def prediction(self) -> Tensor:
        return self._tensors["prediction"]

    @property
    def target(self) -> Tensor:
        return self._tensors["target"]

    @property
    def weight(self) -> Tensor:
        return self._tensors["weight"]

    def changed(self, **tensors: Tensor) -> "_Scored":
        """Return the same with some tensors replaced."""
        return _Scored(self.spec, self._tensors | tensors)

    def score(self, label: str, metric: Metric, batches: Sequence[Sequence[int] | range]) -> float:
        """Return the metric of some records, in batches."""
        totals: dict[str, np.ndarray] = {}
        for batch in batches:
            part = {name: value[list(batch)] for name, value in self._tensors.items()}
            more: dict[str, Any] = {"spec": self.spec} if metric.of_spec else {}
            if metric.of_spread:
                scores = Calibration(
                    scores=[0.5, 1.0, 2.0], shares=[0.4, 0.7, 1.0], count=9, blocks=9, relative=True
                )
                drawn = part["prediction"].unsqueeze(1) + part["apart"] if "apart" in part else None
                more["spread"] = Spread(part["deviation"], scores, members=drawn)
            found = metric.statistics(part["prediction"], part["target"], part["weight"], **more)
            for name, value in found.items():
                expect(
                    value.dtype == torch.float64 and len(value) == len(batch) and value.ndim in (1, 2),
                    label,
                    f"the statistic '{name}' is {value.dtype} of shape {tuple(value.shape)}",
                    "float64 sums of each record, (batch,) or (batch, bins)",
                )
                totals[name] = totals.get(name, np.float64(0)) + value.numpy().sum(axis=0)
        return float(metric.combine(totals))


def _check_unknown(label: str, metric: Metric, data: _Scored) -> None:
    """NaN that counts must show, and so must having nothing to count."""
    unknown = data.prediction.clone()
    unknown.view(RECORDS, -1)[0] = torch.nan
    counting = data.changed(prediction=unknown, weight=torch.ones_like(data.weight))
    found = counting.score(label, metric, [range(RECORDS)])
    expect(bool(np.isnan(found)), label, f"with a record of NaN that counts it is {found:.6g}", "NaN")
    nothing = data.changed(weight=torch.zeros_like(data.weight))
    found = nothing.score(label, metric, [range(RECORDS)])
    expect(bool(np.isnan(found)), label, f"where nothing counts it is {found:.6g}", "NaN")


def _check_direction(label: str, metric: Metric, data: _Scored) -> None:
    """A perfect prediction must be no worse than a bad one; metrics of the prediction alone cannot tell."""
    expect(metric.best in get_args(Best), label, f"its `best` is {metric.best!r}", f"one of {get_args(Best)}")
    everything = [range(RECORDS)]
    bad = data.changed(prediction=data.target + FAR * (data.prediction - data.target))
    found = bad.score(label, metric, everything)
    if bad.changed(target=data.target.flip(0)).score(label, metric, everything) == found:
        return
    perfect = data.changed(prediction=data.target).score(label, metric, everything)
    worse = badness(metric.best, np.array([perfect, found]))
    expect(
        worse is None or worse[0] <= worse[1],
        label,
        f"by its `best`, '{metric.best}', a perfect prediction ({perfect:.6g}) is worse than a bad one "
        f"({found:.6g})",
        "the other way round",
    )


def _near(one: float, two: float, rtol: float = 1e-9) -> bool:
    return abs(one - two) <= rtol * max(1.0, abs(two))
