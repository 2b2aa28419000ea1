"""What all tests share: one thread for each worker, and an option of the tests of all pieces."""

import os

import pytest

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
