"""Pictures of members."""

import numpy as np
import torch
from matplotlib.figure import Figure
from pydantic import PositiveInt

from surrogates.evaluation.evaluate import Target
from surrogates.evaluation.members import ranks
from surrogates.learning.answers import member_name
from surrogates.learning.contract import Plot
from surrogates.learning.directions import is_direction
from surrogates.report.panels import spoken
from surrogates.report.pictures import Examples


class RankHistograms(Plot):
    """Of each target the ranks of the reference among the members, over the cells of all examples that count.

    Methods without members are left out, and so are directions, which have no order.

    Parameters
    ----------
    methods
        At most this many methods, the model first.
    """

    def __init__(self, methods: PositiveInt = 2) -> None:
        self._methods = methods

    def __call__(self, examples: Examples) -> dict[str, Figure]:
        """Return one figure per target, by title."""
        found = {
            target.spec.long_name or target.spec.name: self._histograms(examples, target)
            for target in examples.targets
            if not is_direction(target.spec)
        }
        return {f"ranks of {name}": _drawn(each) for name, each in found.items() if each}

    def _histograms(self, examples: Examples, target: Target) -> dict[str, np.ndarray]:
        """Return the shares of the ranks, by method."""
        names = {str(name) for name in examples.data.data_vars}
        needed = {target.spec.name, *([target.mask.name] if target.mask else [])}
        batch = {name: torch.as_tensor(examples.data[name].values) for name in needed & names}
        weight = target.weight(batch)
        truth = batch[target.spec.name].where(weight > 0, 0.0)
        shares = {}
        for method, prediction in examples.answers(self._methods).items():
            if (name := member_name(target.spec.name)) in prediction:
                members = torch.as_tensor(prediction[name].values).where(weight.unsqueeze(1) > 0, 0.0)
                counts = ranks(members, truth, weight).sum(0).numpy()
                shares[method] = counts / counts.sum()
        return shares


def _drawn(shares: dict[str, np.ndarray]) -> Figure:
    figure = Figure(figsize=(3.6 * len(shares), 3.2), layout="constrained")
    panels = figure.subplots(1, len(shares), squeeze=False)[0]
    for axes, (method, values) in zip(panels, shares.items(), strict=True):
        axes.bar(np.arange(len(values)), values, width=0.9)
        axes.axhline(1 / len(values), color="black", linewidth=0.8)
        axes.set(title=spoken(method), xlabel="members below the reference", ylabel="share of the cells")
    return figure
