"""A small operator network and an objective (`tests.operators_plugin`), and stores of a heat equation.

On a rod of length pi whose ends are kept at zero, `u_t = u_xx` and `u(x, 0) = sum_k a_k sin(k x)` give
`u(x, t) = sum_k a_k exp(-k^2 t) sin(k x)`. The branch sees `u(x, 0)` at `SENSORS` places.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from torch import Tensor, nn

from datasets.store.layout import create_store
from datasets.store.padding import LENGTH, PADDED
from datasets.store.specs import Split, VariableSpec
from surrogates.core import registry
from surrogates.data.batch import Batch
from surrogates.learning.contract import Objective
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.points import Points

MODES = np.arange(1, 4)
SENSORS = 16
RECORDS = 24


class Operator(nn.Module):
    """The scalar product of a branch's and a trunk's outputs, with smooth activations.

    Parameters
    ----------
    in_channels, out_channels, in_shape
        As the pipeline tells them.
    width
        Of the layers.
    """

    def __init__(
        self,
        in_channels: Mapping[str, int],
        out_channels: int,
        in_shape: Mapping[str, tuple[int, ...]],
        width: int = 16,
    ) -> None:
        super().__init__()
        cells = in_channels["branch"] * int(np.prod(in_shape["branch"]))
        self._out = out_channels
        self.branch = nn.Sequential(
            nn.Flatten(), nn.Linear(cells, width), nn.Tanh(), nn.Linear(width, width * out_channels)
        )
        self.trunk = nn.Sequential(
            nn.Linear(in_channels["trunk"], width), nn.Tanh(), nn.Linear(width, width), nn.Tanh()
        )

    def forward(self, branch: Tensor, trunk: Tensor) -> Tensor:
        """Return (batch, channel, point)."""
        weights = self.branch(branch).unflatten(1, (self._out, -1))
        each = self.trunk(trunk)
        return torch.einsum("bcw,pw->bcp" if each.ndim == 2 else "bcw,bpw->bcp", weights, each)


class Metres(Points):
    """Hands on coordinates in their units."""

    scaled = ("trunk",)


class Residual(Objective):
    """Squared error at the points, plus the squared residual `u_t - u_xx` there, in physical units."""

    needs_gradients = True

    def __init__(self, weight: float = 0.1) -> None:
        self._weight = weight

    def __call__(
        self, pipeline: Pipeline, batch: Batch, rng: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss and its two terms."""
        records = len(batch["u"])
        x, time = (batch[name].expand(records, -1).clone().requires_grad_() for name in ("x", "time"))
        u = pipeline(batch | {"x": x, "time": time})["u"]
        u_t = derivative(u, time)
        u_xx = derivative(derivative(u, x), x)
        error, residual = (u - batch["u"]).square().mean(), (u_t - u_xx).square().mean()
        return error + self._weight * residual, {"error": error.detach(), "residual": residual.detach()}


def derivative(values: Tensor, by: Tensor) -> Tensor:
    """Return the derivative of each value by its own coordinate."""
    return torch.autograd.grad(values.sum(), by, create_graph=True)[0]


def heat(modes: np.ndarray, x: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Return u at points that broadcast against (records, point), float64."""
    each = np.exp(-(MODES**2) * time[..., None]) * np.sin(MODES * x[..., None])
    return np.asarray((modes[:, None, :] * each).sum(-1))


def modes(records: int = RECORDS, seed: int = 0) -> np.ndarray:
    """Return amplitudes of the modes."""
    return np.random.default_rng(seed).normal(size=(records, len(MODES))) / MODES


def initial(amplitudes: np.ndarray) -> np.ndarray:
    """Return what the branch sees, (records, sensor), float32."""
    places = np.linspace(0.0, np.pi, SENSORS)
    return heat(amplitudes, places, np.zeros_like(places)).astype(np.float32)


def write_heat(
    path: Path, kind: str = "shared", points: int = 60, garbage: float = np.nan, seed: int = 0
) -> str:
    """Write a store of the equation.

    Parameters
    ----------
    path
        Of the store.
    kind
        `shared`: the same points for all records; `own`: points of each record; `padded`: points of varying
        number.
    points
        Points of a record, at most.
    garbage
        What stands in the padding of targets and coordinates.
    seed
        Of amplitudes and points.
    """
    rng, amplitudes = np.random.default_rng(seed + 1), modes(seed=seed)
    outer = (1,) if kind == "shared" else (RECORDS,)
    x, time = rng.uniform(0, np.pi, (*outer, points)), rng.uniform(0, 0.5, (*outer, points))
    arrays: dict[str, Any] = {"initial": initial(amplitudes)}
    values = {"x": x, "time": time, "u": heat(amplitudes, x, time)}
    padded = kind == "padded"
    if padded:
        arrays[LENGTH] = rng.integers(points // 3, points + 1, RECORDS).astype(np.int32)
        real = np.arange(points) < arrays[LENGTH][:, None]
        values = {name: np.where(real, value, garbage) for name, value in values.items()}
    units = {"x": "m", "time": "s", "u": "K"}
    own = {name: value.astype(np.float32) for name, value in values.items()}
    shared = xr.Dataset()
    if kind == "shared":
        x, time = (("point", own.pop(name)[0], {"units": units[name]}) for name in ("x", "time"))
        shared = xr.Dataset({"time": time}, coords={"x": x})  # either will do
    specs = [
        VariableSpec(name="initial", dims=("sample", "sensor"), shape=(SENSORS,), units="K"),
        *(
            VariableSpec(
                name=name, dims=("sample", "point"), shape=(points,), units=units[name], missing=padded
            )
            for name in own
        ),
    ]
    if padded:
        specs.append(
            VariableSpec(name=LENGTH, dims=("sample",), shape=(), dtype="int32", attributes={PADDED: "point"})
        )
    made = create_store(
        str(path),
        specs,
        records=RECORDS,
        record_dimension="sample",
        shared=shared,
        attributes={"title": "Heat"},
        splits=[Split(labels=np.array([0, 0, 0, 0, 1, 2] * (RECORDS // 6), np.int8), keeps_whole="none")],
        records_per_shard=RECORDS,
    )
    made.write_row(0, arrays | own)
    made.write_receipt(0, {"hashes": {"all": f"{kind} {seed}"}})
    made.consolidate()
    return str(path)


def configuration(store: str, output: Path, **changes: Any) -> dict[str, Any]:
    """Return the plain values of a short run, with changes of its sections."""
    values: dict[str, Any] = {
        "experiment": "heat",
        "dataset": store,
        "task": {
            "inputs": ["initial", "x", "time"],
            "targets": ["u"],
            "transform": "points",
            "metrics": ["rmse", "relative_l2"],
            "baselines": [],
            "plots": [],
        },
        "model": {"name": "tests/operator", "width": 16},
        "trainer": {
            "max_steps": 12,
            "batch_size": 4,
            "validate_every": 4,
            "accelerator": "cpu",
            "progress": False,
            "optimiser": {"name": "adam", "lr": 3e-3},
        },
        "output": str(output),
    }
    for section, more in changes.items():
        values[section] = {**values[section], **more} if isinstance(more, dict) else more
    return values


@contextmanager
def installed(folder: Path) -> Iterator[None]:
    """Let this process, and those that it starts, see the plug-in."""
    about = folder / "tests_operators-1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: tests-operators\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[surrogates.plugins]\noperators = tests.operators_plugin\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        patch.setenv("PYTHONPATH", f"{Path(__file__).parents[1]}{os.pathsep}{folder}")
        registry.forget()
        yield
    registry.forget()
