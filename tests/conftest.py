"""What all tests share: one thread for each worker, two options, and the device of the tests for a GPU."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest

if TYPE_CHECKING:
    import torch

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")  # several workers share the cores; small arrays gain nothing from more

collect_ignore = ["plugin"]
"""Its tests run where the package is installed, in tests/test_third_party.py."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-values",
        action="store_true",
        help="write tests/pieces/values.json from the networks as they are",
    )
    parser.addoption(
        "--stand-in",
        action="store_true",
        help="let the CPU stand in for the CUDA device of tests marked gpu, to test these tests",
    )


@pytest.fixture(scope="session")
def device(pytestconfig: pytest.Config) -> torch.device:
    """The device that tests marked gpu compare with the CPU."""
    import torch

    if pytestconfig.getoption("--stand-in"):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        pytest.skip("torch sees no CUDA device here")
    return torch.device("cuda")


class Library(NamedTuple):
    """An array library on the device: how NumPy's arrays get there, and how its own come back."""

    put: Callable[[np.ndarray], Any]
    get: Callable[[Any], np.ndarray]


@pytest.fixture(params=["torch", "cupy"])
def library(request: pytest.FixtureRequest, device: torch.device) -> Library:
    """An array library on the device; without one, array-api-strict stands in for CuPy."""
    import torch

    if request.param == "torch":

        def get(tensor: torch.Tensor) -> np.ndarray:
            assert tensor.device.type == device.type
            return tensor.cpu().numpy()

        return Library(lambda array: torch.as_tensor(array, device=device), get)
    if device.type == "cpu":
        strict = pytest.importorskip("array_api_strict")
        return Library(strict.asarray, np.asarray)
    cupy = pytest.importorskip("cupy", reason="CuPy is not installed; ask `surrogates doctor`")
    return Library(cupy.asarray, cupy.ndarray.get)
