"""A surrogate as one ONNX file: physical inputs to physical outputs, with the meaning of both inside.

ONNX runtimes take no complex numbers: a complex input or output keeps its name and has one more axis at the
end, of length two, for the real and the imaginary part. Its description and the metadata `complex` say so.
"""

import contextlib
import io
import json
import logging
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from datasets.store.specs import VariableSpec
from datasets.store.units import display
from surrogates.core.files import replacing
from surrogates.core.optional import require
from surrogates.data.batch import Batch
from surrogates.data.window import window_dimension
from surrogates.inference.bundle import Bundle
from surrogates.inference.errors import BundleError
from surrogates.learning.layout import is_complex

PURPOSE = "The export to ONNX"
BATCH = "batch"
TOLERANCE = 1e-4
# What has no counterpart among ONNX's operators, as torch names it, and what it is for.
LACKING = {
    "linalg_cholesky_ex": "a Cholesky factor",
    "cholesky_solve": "a solution by a Cholesky factor",
    "cholesky_inverse": "an inverse by a Cholesky factor",
    "_linalg_solve_ex": "a solution of linear equations",
    "_linalg_svd": "a singular value decomposition",
    "_linalg_eigh": "eigenvalues",
    "_local_scalar_dense": "a size that depends on the values",
}


@dataclass(frozen=True)
class Difference:
    """The difference between the exported model and torch for one output.

    Attributes
    ----------
    name, units
        Of the output.
    largest
        Largest absolute difference, in the units.
    spread
        Largest less smallest value of the output, in the units: what the difference is measured by.
    """

    name: str
    units: str
    largest: float
    spread: float

    @property
    def relative(self) -> float:
        """The difference as a share of the spread."""
        return self.largest / self.spread if self.spread > 0 else self.largest


class _Positional(nn.Module):
    """Tensors in the order of the inputs to tensors in the order of the outputs; complex ones as pairs."""

    def __init__(self, bundle: Bundle, outputs: Sequence[str]) -> None:
        super().__init__()
        self.pipelines = nn.ModuleList([pipeline for pipeline, _ in bundle.parts])
        self._bundle, self._outputs = bundle, outputs
        self._inputs = bundle.manifest.pipeline.inputs

    def forward(self, *values: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs."""
        given = {
            spec.name: torch.view_as_complex(value) if is_complex(spec) else value
            for spec, value in zip(self._inputs, values, strict=True)
        }
        answer = self._bundle.ask(given)
        return tuple(_pairs(answer[name]) for name in self._outputs)


class _Recorder(TorchDispatchMode):
    """Record the operators of a forward pass."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.seen.add(func.__name__.partition(".")[0])
        return func(*args, **(kwargs or {}))


def export_onnx(
    bundle: Bundle, path: str | Path, records: Batch, tolerance: float = TOLERANCE
) -> list[Difference]:
    """Write a bundle's pipeline and predictor as an ONNX model, once it gives torch's answers.

    The model has the inputs and outputs by name, in physical units, complex ones with an axis (real,
    imaginary) at the end; the number of records is free, and so are dimensions of `any_length`; the grid is
    that of `records`. Its metadata hold the
    specifications of the variables.

    Parameters
    ----------
    bundle
        What to export; it is moved to the CPU.
    path
        The file; it appears when it has passed the comparison.
    records
        Inputs in physical units, at least two records: what both are compared on.
    tolerance
        Largest difference from torch, as a share of the spread of an output.

    Returns
    -------
    list of Difference
        One for each output.

    Raises
    ------
    MissingExtraError
        Without the extra ``export``.
    BundleError
        When ONNX lacks an operator, the exported model answers otherwise than torch, or the bundle draws
        members.
    """
    for module in ("onnx", "onnxscript", "onnxruntime"):
        require(module, PURPOSE)
    if bundle.samples:
        raise BundleError(
            "the bundle draws members, and random numbers are no part of an ONNX model; export one that "
            "draws none, or predict with `surrogates predict`"
        )
    for pipeline, _ in bundle.parts:
        pipeline.cpu().eval().requires_grad_(False)
    inputs = {spec.name: records[spec.name].cpu() for spec in bundle.manifest.pipeline.inputs}
    expected = {name: _pairs(values) for name, values in _answer(bundle, inputs).items()}
    inputs = {name: _pairs(values) for name, values in inputs.items()}
    outputs = list(expected)
    for name, values in expected.items():
        if not values.isfinite().any():
            raise BundleError(
                f"on the {len(values)} records given, torch answers no number for {name}: nothing to "
                "compare the exported model with; give records whose inputs are known."
            )
    path = Path(path)
    with replacing(path) as staging:
        _translate(bundle, inputs, outputs, staging)
        _describe(staging, bundle, outputs)
        found = _compare(staging, bundle, inputs, expected)
        if worst := [each for each in found if not each.relative <= tolerance]:
            raise BundleError(_too_far(worst[0], bundle, tolerance))
    return found


def synthetic_records(bundle: Bundle, count: int = 4, seed: int = 0) -> Batch:
    """Return records drawn evenly from the ranges of training, for a surrogate whose data are gone.

    An input that may be missing is given in a tenth of its cells; a window of a sequence is complete, and
    changes slowly.
    """
    rng = np.random.default_rng(seed)
    config = bundle.manifest.pipeline
    records: Batch = {}
    for spec in config.inputs:
        shape = (count, *spec.shape) if config.record_dimension in spec.dims else spec.shape
        if spec.dtype == "bool":
            records[spec.name] = torch.from_numpy(rng.random(shape) < 0.5)
            continue
        low, high = bundle.manifest.ranges.get(spec.name, (0.0, 1.0))
        values = rng.uniform(low, high, shape).astype(np.float32)
        if is_complex(spec):
            values = values * np.exp(2j * np.pi * rng.random(shape)).astype(np.complex64)
        along = window_dimension(spec)
        if along in spec.dims:
            values = _slow(values, spec.dims.index(along))
        elif spec.missing:
            values = np.where(rng.random(shape) < 0.1, values, np.float32(np.nan))
        records[spec.name] = torch.as_tensor(values)
    return records


def _slow(values: np.ndarray, axis: int) -> np.ndarray:
    """Turn noise into short straight lines with a little noise, within the same bounds."""
    first, last = np.take(values, [0], axis), np.take(values, [-1], axis)
    share = np.linspace(0.0, 0.2, values.shape[axis], dtype=values.dtype)
    share = share.reshape([-1 if each == axis else 1 for each in range(values.ndim)])
    return first + share * (last - first) + values.dtype.type(0.01) * (values - first)


def _answer(bundle: Bundle, inputs: Batch) -> Batch:
    """Predict by torch; refuse operators that ONNX lacks before the long translation."""
    with torch.no_grad(), _Recorder() as recorder:
        answer = bundle.ask(dict(inputs))
    if LACKING.keys() & recorder.seen:
        # What counts are the steps of an export, which some networks have instead of the usual ones.
        exporting = patch.object(torch.compiler, "is_exporting", return_value=True)
        with torch.no_grad(), exporting, _Recorder() as recorder:
            bundle.ask(dict(inputs))
    if lacking := {name: LACKING[name] for name in LACKING if name in recorder.seen}:
        listed = ", ".join(f"{name} ({meaning})" for name, meaning in lacking.items())
        raise BundleError(
            f"ONNX has no operator for {listed}, which {_pieces(bundle)} takes. Ask this surrogate through "
            "surrogates.load, or export a run with another transform."
        )
    return answer


def _translate(bundle: Bundle, inputs: Batch, outputs: Sequence[str], path: Path) -> None:
    record = bundle.manifest.pipeline.record_dimension
    inputs_of = bundle.manifest.pipeline.inputs
    free = {dim: torch.export.Dim(dim) for spec in inputs_of for dim in spec.any_length}
    free[record] = torch.export.Dim(BATCH)
    shapes = tuple(
        {axis: free[dim] for axis, dim in enumerate(spec.dims) if dim in free} for spec in inputs_of
    )
    try:
        with _quiet(), torch.no_grad():
            torch.onnx.export(
                _Positional(bundle, outputs).eval(),
                tuple(inputs.values()),
                path,
                input_names=list(inputs),
                output_names=list(outputs),
                dynamic_shapes=(shapes,),
                dynamo=True,
                external_data=False,
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        raise BundleError(_untranslated(error, bundle)) from error


def _untranslated(error: BaseException, bundle: Bundle) -> str:
    """Turn torch's long message into one line."""
    text, cause = str(error), error.__cause__
    while cause is not None:
        text, cause = f"{text} {cause}", cause.__cause__
    named = re.findall(r"aten[.:]+([\w.]+)", text)
    last = re.sub(r"\x1b\[\d+m", "", str(error.__cause__ or error)).strip().partition("\n")[0]
    what = f"the operator {named[-1]}" if named else f"a step ({last})"
    return (
        f"{_pieces(bundle)} takes {what}, which torch cannot translate to ONNX. Ask this surrogate through "
        "surrogates.load, or export a run with another transform or network."
    )


def _pieces(bundle: Bundle) -> str:
    config = bundle.manifest.pipeline
    return (
        f"the surrogate (transform '{config.transform['name']}', network '{config.network['name']}', "
        f"predictor '{bundle.manifest.predictor['name']}')"
    )


def _describe(path: Path, bundle: Bundle, outputs: Sequence[str]) -> None:
    """Put units and specifications into the model."""
    onnx = require("onnx", PURPOSE)
    manifest, config = bundle.manifest, bundle.manifest.pipeline
    model = onnx.load(path)
    specs = {spec.name: spec for spec in (*config.inputs, *output_specs(bundle, outputs))}
    for value in (*model.graph.input, *model.graph.output):
        spec = specs[value.name]
        value.doc_string = f"{spec.long_name or spec.name} [{display(spec.units) or '1'}]"
        if is_complex(spec):
            value.doc_string += ", last axis (real, imaginary)"
    model.producer_name, model.producer_version = (
        "sciml-surrogates",
        manifest.versions.get("sciml-surrogates", ""),
    )
    model.doc_string = f"{manifest.name}: physical inputs to physical outputs, NaN where something is unknown"
    entries = {
        "name": manifest.name,
        "record_dimension": config.record_dimension,
        "inputs": json.dumps([spec.model_dump(mode="json") for spec in config.inputs]),
        "outputs": json.dumps([specs[name].model_dump(mode="json") for name in outputs]),
        "complex": json.dumps([name for name, spec in specs.items() if is_complex(spec)]),
        "ranges": json.dumps(manifest.ranges),
        "pipeline": json.dumps({"transform": config.transform, "network": config.network}),
    }
    onnx.helper.set_model_props(model, entries)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def output_specs(bundle: Bundle, outputs: Sequence[str]) -> list[VariableSpec]:
    """Return the specs of a predictor's answer: targets and their standard deviations."""
    targets = {spec.name: spec for spec in bundle.outputs}
    found = []
    for name in outputs:
        target = targets.get(name) or targets.get(name.removesuffix("_standard_deviation"))
        if target is None:
            found.append(VariableSpec(name=name, dims=(), shape=()))
        elif target.name == name:
            found.append(target)
        else:
            meaning = f"standard deviation of {target.long_name or target.name}"
            real = {"dtype": "float32"} if is_complex(target) else {}
            found.append(target.model_copy(update={"name": name, "long_name": meaning, **real}))
    return found


def _compare(path: Path, bundle: Bundle, inputs: Batch, expected: Batch) -> list[Difference]:
    """Run the exported model on all records, and only on the first: the number of records has to be free."""
    session = _session(path)
    record = bundle.manifest.pipeline.record_dimension
    recorded = {spec.name for spec in bundle.manifest.pipeline.inputs if record in spec.dims}
    specs = output_specs(bundle, list(expected))
    largest = dict.fromkeys(expected, 0.0)
    for count in (len(next(iter(expected.values()))), 1):
        given = {
            name: (value[:count] if name in recorded else value).numpy() for name, value in inputs.items()
        }
        try:
            answers = session.run(list(expected), given)
        except Exception as error:  # onnxruntime has a class for each of its statuses
            raise BundleError(
                f"onnxruntime cannot run the exported model on {count} records: "
                f"{' '.join(str(error).split())}"
            ) from error
        for (name, wanted), answer in zip(expected.items(), answers, strict=True):
            difference = np.abs(answer - wanted[:count].numpy())
            if not np.array_equal(np.isnan(answer), np.isnan(wanted[:count].numpy())):
                largest[name] = float("inf")
            elif np.isfinite(difference).any():
                largest[name] = max(largest[name], float(np.nanmax(difference)))
    return [
        Difference(spec.name, display(spec.units), largest[spec.name], _spread(expected[spec.name]))
        for spec in specs
    ]


def _pairs(values: Tensor) -> Tensor:
    """Return complex values as pairs of real ones, along an axis at the end."""
    return torch.view_as_real(values) if values.is_complex() else values


def _session(path: Path) -> Any:
    runtime = require("onnxruntime", PURPOSE)
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = torch.get_num_threads()
    return runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _spread(values: Tensor) -> float:
    finite = values[values.isfinite()]
    return float(finite.max() - finite.min()) if finite.numel() else 0.0


def _too_far(worst: Difference, bundle: Bundle, tolerance: float) -> str:
    return (
        f"the exported model of {_pieces(bundle)} differs from torch by {worst.largest:.3g} {worst.units} in "
        f"{worst.name}, {worst.relative:.2g} of its spread of {worst.spread:.4g}; expected at most "
        f"{tolerance:g}. Nothing was written; allow more with --tolerance, or ask the surrogate through "
        "surrogates.load."
    )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Suppress the exporter's progress, advice and warnings."""
    logger = logging.getLogger("torch.onnx")
    ir = logging.getLogger("onnx_ir")
    levels = logger.level, ir.level
    logger.setLevel(logging.ERROR)
    ir.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(levels[0])
        ir.setLevel(levels[1])


def described(path: str | Path) -> Mapping[str, Any]:
    """Return the metadata of an exported model, with the specifications as plain values."""
    onnx = require("onnx", PURPOSE)
    entries = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    parsed = {key: json.loads(value) for key, value in entries.items() if value[:1] in ("[", "{")}
    return {**entries, **parsed}
