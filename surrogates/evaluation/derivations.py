"""Derivations: quantities computed from a prediction and scored beside the targets."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from datasets.store.specs import VariableSpec
from datasets.store.units import display
from surrogates.core.errors import ConfigError
from surrogates.core.text import listing, nearest
from surrogates.data.batch import Batch
from surrogates.learning.context import Context
from surrogates.learning.contract import Derivation


class Cycle(Derivation):
    """Inputs that a network of both directions predicts from its own prediction: `<input>_cycle`.

    Parameters
    ----------
    specs
        Of the inputs.
    back
        The other direction: inputs in physical units, from targets.
    """

    takes_complex = True

    def __init__(
        self, specs: Sequence[VariableSpec], back: Callable[[Batch, torch.Generator], Batch]
    ) -> None:
        self._specs, self._back = specs, back
        self.variables = tuple(spec.name for spec in specs)

    def provides(self) -> list[VariableSpec]:
        """Return the spec of each input, there and back."""
        return [
            spec.model_copy(
                update={
                    "name": cycle_name(spec.name),
                    "long_name": f"{spec.long_name or spec.name}, there and back",
                    "standard_name": None,
                }
            )
            for spec in self._specs
        ]

    def of_truth(self, batch: Batch) -> Batch:
        """Return the inputs."""
        return {cycle_name(name): batch[name] for name in self.variables}

    def of_prediction(self, prediction: Batch, batch: Batch) -> Batch:
        """Ask the other direction."""
        device = next(iter(prediction.values())).device
        answer = self._back(prediction, torch.Generator(device=device).manual_seed(0))
        return {cycle_name(name): answer[name] for name in self.variables}


def cycle_name(name: str) -> str:
    """Return the name of an input predicted back from its prediction."""
    return f"{name}_cycle"


class Bands(Derivation):
    """Bands of a variable along a dimension, such as a velocity model between two depths.

    A band holds the cells from its lower edge up to its upper one, which belongs to the next band; the last
    band holds its upper edge too. Its name tells the edges: `velocity_model_depth_0_230_m`.

    Parameters
    ----------
    context
        Of the data.
    variable
        Name of the variable, a target of the task or what another piece answers.
    dimension
        One of its dimensions, with a coordinate.
    edges
        Ascending, in the units of the coordinate; of two neighbours each makes a band.
    """

    takes_complex = True

    def __init__(
        self,
        context: Context,
        variable: str,
        dimension: str,
        edges: tuple[float, ...],
    ) -> None:
        self.variables = (variable,)
        specs, coordinates = context.specs, context.shared
        if variable not in specs:
            raise ConfigError(
                f"bands: no variable '{variable}'.{nearest(variable, specs)} There are {listing(specs)}."
            )
        spec = specs[variable]
        dims = spec.dims[len(spec.dims) - len(spec.shape) :]
        if dimension not in dims or dimension not in coordinates:
            having = [dim for dim in dims if dim in coordinates]
            raise ConfigError(
                f"bands: '{variable}' has no dimension '{dimension}' with a coordinate."
                f"{nearest(dimension, having)} It has {listing(having)}."
            )
        if len(edges) < 2 or any(high <= low for low, high in pairwise(edges)):
            raise ConfigError(f"bands: edges is {list(edges)}; give two or more numbers that grow.")
        self._axis = spec.dims.index(dimension)
        self._bands = [_band(spec, coordinates[dimension], ends, edges[-1]) for ends in pairwise(edges)]

    def provides(self) -> list[VariableSpec]:
        """Return the spec of each band."""
        return [band.spec for band in self._bands]

    def of_truth(self, batch: Batch) -> Batch:
        """Cut the truth."""
        return self._cut(batch)

    def of_prediction(self, prediction: Batch, batch: Batch) -> Batch:
        """Cut what was predicted, if the variable was."""
        return self._cut(prediction) if self.variables[0] in prediction else {}

    def _cut(self, batch: Batch) -> Batch:
        values = batch[self.variables[0]]
        return {band.spec.name: band.cut(values, self._axis) for band in self._bands}


@dataclass(frozen=True)
class _Band:
    spec: VariableSpec
    indices: Tensor

    def cut(self, values: Tensor, axis: int) -> Tensor:
        return values.index_select(axis, self.indices.to(values.device))


def _band(spec: VariableSpec, coordinate: xr.DataArray, ends: tuple[float, float], last: float) -> _Band:
    low, high = ends
    dimension, values = str(coordinate.dims[0]), coordinate.values
    indices = np.flatnonzero((values >= low) & ((values < high) | ((high == last) & (values == high))))
    if not indices.size:
        raise ConfigError(
            f"bands: no cell of '{spec.name}' lies between {dimension} {low:g} and {high:g}; its cells lie "
            f"from {values.min():g} to {values.max():g}. Change `edges`, or leave bands out by "
            "task.derivations=[]"
        )
    units = str(coordinate.attrs.get("units", ""))
    between = f"{dimension} {low:g} to {high:g} {display(units)}".rstrip()
    ends_of = "_".join([dimension, f"{low:g}", f"{high:g}", *re.findall(r"\w+", units)])
    lengths = dict(zip(reversed(spec.dims), reversed(spec.shape), strict=False)) | {dimension: indices.size}
    changes = {
        "name": f"{spec.name}_{ends_of}",
        # A shorter dimension of the same name would not fit beside the whole variable.
        "dims": tuple(ends_of if dim == dimension else dim for dim in spec.dims),
        "shape": tuple(lengths[dim] for dim in spec.dims if dim in lengths),
        "long_name": f"{spec.long_name or spec.name}, {between}",
        "statistics_axes": (),
        "statistics_mask": None,
    }
    return _Band(spec.model_copy(update=changes), torch.from_numpy(indices))


@torch.no_grad()
def derive_truth(batch: Batch, derivations: Sequence[Derivation]) -> Batch:
    """Return the derived quantities of the truth."""
    return {name: value for each in derivations for name, value in each.of_truth(batch).items()}


@torch.no_grad()
def derive_prediction(prediction: Batch, batch: Batch, derivations: Sequence[Derivation]) -> Batch:
    """Return the derived quantities of a prediction; `batch` lacks the truth."""
    return {
        name: value for each in derivations for name, value in each.of_prediction(prediction, batch).items()
    }
