"""Threads wait passively, whatever the machine does beside; a user's own choice wins."""

import os
import subprocess
import sys

import pytest

SAY = "import surrogates, os; print(os.environ.get('OMP_WAIT_POLICY'), os.environ.get('GOMP_SPINCOUNT'))"


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, "PASSIVE 1000"),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE None"),
        ({"GOMP_SPINCOUNT": "5"}, "None 5"),
    ],
)
def test_threads_wait_passively_unless_the_user_says_otherwise(chosen, expected):
    rest = {
        name: value for name, value in os.environ.items() if name not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
    }
    done = subprocess.run(
        [sys.executable, "-c", SAY], env=rest | chosen, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == expected
