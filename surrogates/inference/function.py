"""A surrogate as a plain function of arrays with derivatives, for optimisers and sensitivity analysis."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import prod
from typing import Any, Protocol

import numpy as np
import torch
import xarray as xr
from numpy.typing import ArrayLike
from torch import Tensor

from datasets.store.specs import VariableSpec
from datasets.store.units import display
from surrogates.core.errors import ConfigError
from surrogates.core.text import listing, nearest
from surrogates.data.batch import Batch
from surrogates.inference.bundle import Bundle
from surrogates.inference.errors import OutOfRangeWarning
from surrogates.inference.reading import Inputs, extrapolation
from surrogates.inference.threads import one_thread
from surrogates.learning.answers import deviation_name
from surrogates.learning.layout import PARTS, field_dims, is_complex

PROBED = 0.7
"""Where between the smallest and the largest training value a new function is tried."""
Array = np.ndarray[Any, np.dtype[np.float64]]


class Asked(Protocol):
    """Attributes of a surrogate that a function needs."""

    bundle: Bundle

    @property
    def inputs(self) -> dict[str, VariableSpec]:
        """Specs of the inputs by name."""

    @property
    def outputs(self) -> dict[str, VariableSpec]:
        """Specs of the targets by name."""

    @property
    def record_dimension(self) -> str:
        """Name of the dimension along which examples are independent."""

    @property
    def batch_size(self) -> int:
        """Examples that are predicted at a time."""

    def generator(self) -> torch.Generator:
        """Return the generator of a prediction's draws."""

    def checked(self, ds: xr.Dataset, specs: Sequence[VariableSpec]) -> tuple[xr.Dataset, Inputs]:
        """Return a data set in which these inputs fit, and the inputs."""


class Function:
    """`y = f(x)`: arrays in, arrays out, in physical units; made by `Surrogate.as_function`.

    The columns of a point `x` are the values of the chosen inputs, one variable after the other, each
    flattened in row-major order; those of `y` are the values of the chosen outputs. A complex value takes two
    columns, its real and its imaginary part (`wave.real[3]`, `wave.imag[3]`). The network computes in
    single precision: hand `gradient` or `jacobian` to an optimiser, since finite differences of a small step
    are mostly rounding.

    Parameters
    ----------
    surrogate
        Surrogate to make a function of.
    inputs, outputs
        Names of the inputs that vary and of the outputs. An output may be `<target>_standard_deviation`.
    at
        One record with the inputs that do not vary; not needed if all do.

    Attributes
    ----------
    input_names, output_names
        A label for each column of `x` and of `y`, such as `power` or `temperature[3]`.
    bounds
        Smallest and largest training value of each column of `x`, (columns, 2); infinite if not known. Of
        complex inputs both parts lie between plus and minus the largest modulus.
    """

    def __init__(
        self,
        surrogate: Asked,
        inputs: Sequence[str],
        outputs: Sequence[str],
        at: xr.Dataset | None = None,
    ) -> None:
        self._surrogate, self._bundle = surrogate, surrogate.bundle
        if self._bundle.samples:
            raise ConfigError(
                "as_function: the bundle draws members, through which no derivatives are taken; take one "
                "that draws none, or `predict`"
            )
        lengths = {} if at is None else {str(dim): size for dim, size in at.sizes.items()}
        self._inputs = _chosen("inputs", inputs, _with_lengths(surrogate.inputs, lengths))
        targets = _with_lengths(surrogate.outputs, lengths)
        deviations = {
            deviation_name(name): spec.model_copy(update={"dtype": "float32"})
            for name, spec in targets.items()
        }
        self._outputs = _chosen("outputs", outputs, targets | deviations)
        for name, spec in self._inputs.items():
            _require_real(name, spec, surrogate.record_dimension)
        others = [name for name in surrogate.inputs if name not in self._inputs]
        self._fixed = _fixed(surrogate, at, others)
        ranges = self._bundle.manifest.ranges
        self.bounds: Array = np.array(
            [
                _bounds(spec, ranges.get(name))
                for name, spec in self._inputs.items()
                for _ in range(_columns(spec))
            ]
        )
        self.input_names = [label for name, spec in self._inputs.items() for label in _labels(name, spec)]
        self.output_names = [label for name, spec in self._outputs.items() for label in _labels(name, spec)]
        self._warned: set[str] = set()
        low, high = np.where(np.isfinite(self.bounds), self.bounds, (0.0, 1.0)).T
        # Off the middle, which is often zero: a record of zeros has nothing to be scaled by.
        self._ask(
            self._tensors((low + PROBED * (high - low))[np.newaxis])
        )  # raises now what it cannot predict

    def __call__(self, x: ArrayLike) -> Array:
        """Return the outputs.

        Parameters
        ----------
        x
            One point, (columns of x,), or several, (points, columns of x), in the units of the inputs.

        Returns
        -------
        array
            (columns of y,) or (points, columns of y), float64.

        Raises
        ------
        ValueError
            For a wrong shape or type, NaN, infinity, or a value outside an input's valid range.

        Warns
        -----
        OutOfRangeWarning
            When an input leaves the range of training; once for each input.
        """
        points, single = self._points(x)
        with torch.inference_mode():
            answers = [_array(self._ask(self._tensors(batch))) for batch in self._batches(points)]
        answer = np.concatenate(answers) if answers else np.empty((0, len(self.output_names)))
        return answer[0] if single else answer

    def gradient(self, x: ArrayLike, weights: ArrayLike | None = None) -> Array:
        """Return the derivatives of the weighted sum of the outputs, by one backward pass.

        With `weights` = dJ/dy at `x` it is the gradient of J(f(x)), whatever J is.

        Parameters
        ----------
        x
            As `__call__` takes it.
        weights
            (columns of y,) or (points, columns of y); not needed if there is one column.

        Returns
        -------
        array
            The shape of `x`, in units of the sum per unit of each input.

        Raises
        ------
        ValueError
            As `__call__`; for several outputs without weights, or weights of another shape; if no derivative
            is known.
        """
        points, single = self._points(x)
        columns = len(self.output_names)
        if weights is None and columns != 1:
            raise ValueError(
                f"gradient of {columns} outputs ({listing(self._outputs)}): which sum of them is meant? Give "
                "weights, or ask for jacobian(x)."
            )
        factors = np.broadcast_to(_weights(weights, single, len(points), columns), (len(points), columns))
        found: Array = np.empty(points.shape)
        for rows in self._slices(len(points)):
            answer, variables = self._with_graph(points[rows])
            found[rows] = self._derivatives(answer, variables, torch.from_numpy(factors[rows].copy()))
        return found[0] if single else found

    def jacobian(self, x: ArrayLike) -> Array:
        """Return the derivative of each output by each input, by one backward pass for each output.

        Parameters
        ----------
        x
            As `__call__` takes it.

        Returns
        -------
        array
            (columns of y, columns of x) or (points, columns of y, columns of x).

        Raises
        ------
        ValueError
            As `__call__`; if no derivative is known.
        """
        points, single = self._points(x)
        columns = len(self.output_names)
        found: Array = np.empty((len(points), columns, points.shape[1]))
        for rows in self._slices(len(points)):
            answer, variables = self._with_graph(points[rows])
            for column in range(columns):
                factors = torch.zeros(answer.shape, dtype=torch.float64)
                factors[:, column] = 1.0
                found[rows, column] = self._derivatives(answer, variables, factors)
        return found[0] if single else found

    def __repr__(self) -> str:
        def shown(specs: dict[str, VariableSpec]) -> str:
            return ", ".join(f"{name} [{display(spec.units) or '1'}]" for name, spec in specs.items())

        sizes = f"{len(self.input_names)} -> {len(self.output_names)}"
        return f"<Function {sizes}: {shown(self._inputs)} -> {shown(self._outputs)}>"

    def _points(self, x: ArrayLike) -> tuple[Array, bool]:
        """Return checked points, (points, columns), and whether `x` is a single one."""
        points = _real("x", x)
        columns = len(self.input_names)
        if points.ndim not in (1, 2) or points.shape[-1] != columns:
            raise ValueError(
                f"x has shape {points.shape}; expected ({columns},) or (points, {columns}): "
                f"{listing(self._inputs)}, each flattened."
            )
        single = points.ndim == 1
        points = np.atleast_2d(points)
        for (name, spec), values in zip(self._inputs.items(), self._split(points), strict=True):
            if values.size:
                self._require_valid(name, spec, values)
        return points, single

    def _require_valid(self, name: str, spec: VariableSpec, values: Array) -> None:
        """Refuse and warn as `predict` does."""
        if np.isinf(values).any():
            raise ValueError(
                f"{name} is infinite in x; expected numbers in {display(spec.units) or 'no unit'}."
            )
        if np.isnan(values).any() and not spec.missing:
            raise ValueError(f"{name} is NaN in x; expected numbers in {display(spec.units) or 'no unit'}.")
        if is_complex(spec):
            values = np.hypot(values[:, ::2], values[:, 1::2])
        if np.isnan(values).all():
            return
        smallest, largest = float(np.nanmin(values)), float(np.nanmax(values))
        low = -np.inf if spec.minimum is None else spec.minimum
        high = np.inf if spec.maximum is None else spec.maximum
        if smallest < low or largest > high:
            worst = smallest if smallest < low else largest
            raise ValueError(
                f"{name} is {worst:.6g} in x, outside its valid range of {low:g} to {high:g} "
                f"{display(spec.units)}; bound the search."
            )
        ranges = self._bundle.manifest.ranges
        message = extrapolation(spec, smallest, largest, ranges[name]) if name in ranges else None
        if message is not None and name not in self._warned:
            self._warned.add(name)
            warnings.warn(message, OutOfRangeWarning, stacklevel=4)

    def _split(self, points: Array) -> list[Array]:
        """Return the columns of each variable."""
        ends = np.cumsum([_columns(spec) for spec in self._inputs.values()])
        return np.split(points, ends[:-1], axis=1)

    def _slices(self, count: int) -> Iterator[slice]:
        size = self._surrogate.batch_size
        return (slice(start, start + size) for start in range(0, count, size))

    def _batches(self, points: Array) -> Iterator[Array]:
        return (points[rows] for rows in self._slices(len(points)))

    def _tensors(self, points: Array) -> Batch:
        """Return the varying inputs by name, batch first."""
        return {
            name: _tensor(spec, values).to(self._bundle.device)
            for (name, spec), values in zip(self._inputs.items(), self._split(points), strict=True)
        }

    def _ask(self, varying: Batch) -> Tensor:
        """Return the outputs, (points, columns), float64."""
        count = len(next(iter(varying.values())))
        record, specs = self._surrogate.record_dimension, self._surrogate.inputs
        fixed = {
            name: value.expand(count, *value.shape[1:])
            if value.ndim > len(field_dims(specs[name], record))
            else value
            for name, value in self._fixed.items()
        }
        inputs = {**fixed, **varying}
        with one_thread(where=self._bundle.is_little(inputs)):
            answer = self._bundle.ask(inputs, self._surrogate.generator())
        for name in self._outputs:
            if name not in answer:
                raise ConfigError(
                    f"the surrogate answers no '{name}': its head tells none. It answers {listing(answer)}."
                )
        return torch.cat([_plain(answer[name]).reshape(count, -1).double() for name in self._outputs], dim=1)

    def _with_graph(self, points: Array) -> tuple[Tensor, Batch]:
        """Return the outputs and the varying inputs that they depend on."""
        for pipeline, _ in self._bundle.parts:
            if cut := set(pipeline.transform.detached) & set(self._inputs):
                raise ConfigError(
                    f"no derivative by {listing(cut)}: the transform '{pipeline.config.transform['name']}' "
                    "lets no gradient through; vary other inputs, or use a method without derivatives."
                )
        variables = {name: value.requires_grad_() for name, value in self._tensors(points).items()}
        # cuDNN's recurrent layers have no backward pass outside training.
        with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
            return self._ask(variables), variables

    def _derivatives(self, answer: Tensor, variables: Batch, factors: Tensor) -> Array:
        """Return the derivatives of the weighted sum of each point's outputs, (points, columns of x)."""
        found: Sequence[Tensor | None] = [None] * len(variables)
        if answer.requires_grad:
            found = torch.autograd.grad(
                answer,
                list(variables.values()),
                factors.to(answer.device),
                retain_graph=True,
                allow_unused=True,
            )
        without = [name for name, each in zip(variables, found, strict=True) if each is None]
        if without:
            raise ConfigError(
                f"no derivative of {listing(self._outputs)} by {listing(without)}: transform, network or "
                "predictor lets no gradient through; vary other inputs, or use a method without derivatives."
            )
        # Of a complex input torch gives the derivatives by its parts as real and imaginary part.
        known = [_array(_plain(each)) for each in found if each is not None]
        return np.concatenate([each.reshape(len(each), -1) for each in known], 1)


def _chosen(what: str, names: Sequence[str], known: dict[str, VariableSpec]) -> dict[str, VariableSpec]:
    """Return the specs of the names, in their order."""
    for name in names:
        if name not in known:
            raise ConfigError(
                f"as_function: no '{name}' among the {what}.{nearest(name, known)} "
                f"There are: {listing(known)}."
            )
    if not names or len(set(names)) < len(names):
        raise ConfigError(f"as_function: {what} are {list(names)}; expected one or more names, each once.")
    return {name: known[name] for name in names}


def _with_lengths(specs: Mapping[str, VariableSpec], lengths: Mapping[str, int]) -> dict[str, VariableSpec]:
    """Return specs whose dimensions of any length have those of a data set."""

    def of(spec: VariableSpec) -> VariableSpec:
        own = spec.dims[len(spec.dims) - len(spec.shape) :]
        free = {dim: lengths[dim] for dim in spec.any_length if dim in lengths}
        shape = tuple(free.get(dim, length) for dim, length in zip(own, spec.shape, strict=True))
        return spec.model_copy(update={"shape": shape})

    return {name: of(spec) for name, spec in specs.items()}


def _fixed(surrogate: Asked, at: xr.Dataset | None, names: Sequence[str]) -> Batch:
    """Return the inputs that do not vary, of one record, checked as `predict` checks them."""
    if not names:
        return {}
    record = surrogate.record_dimension
    if at is None:
        raise ValueError(
            f"as_function: {listing(names)} do not vary; hand in one record that holds them: "
            f"at=ds.isel({record}=[0])."
        )
    if at.sizes.get(record, 1) != 1:
        raise ValueError(
            f"as_function: at has {at.sizes[record]} records along '{record}', expected one; choose it with "
            f"ds.isel({record}=[0])."
        )
    _, inputs = surrogate.checked(at, [surrogate.inputs[name] for name in names])
    batch = inputs.read({record: slice(0, 1)}, surrogate.bundle.device)
    inputs.warn_out_of_range(stacklevel=4)
    return batch


def _require_real(name: str, spec: VariableSpec, record_dimension: str) -> None:
    """Refuse an input that cannot vary continuously from point to point."""
    if np.dtype(spec.dtype).kind not in "fc":
        raise ConfigError(
            f"as_function: '{name}' is {spec.dtype}, which has no derivative; expected real numbers. Fix it "
            "with at=."
        )
    if record_dimension not in spec.dims and not spec.any_length:
        raise ConfigError(
            f"as_function: '{name}' has no dimension '{record_dimension}', so all points share it; fix it "
            "with at=."
        )


def _labels(name: str, spec: VariableSpec) -> list[str]:
    """Return a label for each value of a variable, of complex ones for each part."""
    indices = product(*map(range, spec.shape))
    cells = [f"[{','.join(map(str, index))}]" for index in indices] if spec.shape else [""]
    parts = [f".{part}" for part in PARTS] if is_complex(spec) else [""]
    return [f"{name}{part}{cell}" for cell in cells for part in parts]


def _columns(spec: VariableSpec) -> int:
    return prod(spec.shape) * (len(PARTS) if is_complex(spec) else 1)


def _bounds(spec: VariableSpec, ends: tuple[float, float] | None) -> tuple[float, float]:
    """Return the smallest and largest training value of a column."""
    if ends is None:
        return -np.inf, np.inf
    return (-ends[1], ends[1]) if is_complex(spec) else ends


def _tensor(spec: VariableSpec, values: Array) -> Tensor:
    """Return the columns of a variable as a batch holds it."""
    if not is_complex(spec):
        return torch.from_numpy(values.reshape(-1, *spec.shape)).to(torch.float32)
    pairs = torch.from_numpy(values.reshape(-1, *spec.shape, len(PARTS))).to(torch.float32)
    return torch.view_as_complex(pairs)


def _plain(values: Tensor) -> Tensor:
    """Return complex values as pairs of real ones."""
    return torch.view_as_real(values.resolve_conj()) if values.is_complex() else values


def _real(name: str, values: ArrayLike) -> Array:
    """Return numbers in double precision; complex ones are refused, not cut."""
    given = np.asarray(values)
    if given.dtype.kind not in "biuf":
        raise ValueError(f"{name} is of the type {given.dtype}; expected an array of real numbers.")
    return given.astype(float)


def _weights(weights: ArrayLike | None, single: bool, points: int, columns: int) -> Array:
    """Return checked weights of the outputs, (columns,) or (points, columns)."""
    found = _real("weights", 1.0 if weights is None else weights)
    if found.ndim and found.shape not in ((columns,), (points, columns)):
        expected = f"({columns},)" if single else f"({columns},) or ({points}, {columns})"
        raise ValueError(f"weights have shape {found.shape}; expected {expected}, one for each output.")
    return found


def _array(values: Tensor) -> Array:
    return values.detach().cpu().numpy().astype(np.float64)
