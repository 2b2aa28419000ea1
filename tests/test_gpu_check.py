"""The tests for a GPU, where there is none: each says why it is skipped, and all pass on a stand-in."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[1]
FILES = (
    "tests/physics/test_gpu.py",
    "tests/physics/raytracing/test_gpu.py",
    "tests/surrogates/runs/test_gpu.py",
)

pytestmark = pytest.mark.slow


def run(*words: str) -> str:
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "-m", "gpu", *words, *FILES]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_each_skips_with_its_reason() -> None:
    said = run()
    reasons = {line.rpartition(": ")[2] for line in said.splitlines() if line.startswith("SKIPPED")}
    assert reasons == {"torch sees no CUDA device here"}
    assert re.search(r"^\d{2} skipped in", said.splitlines()[-1])


def test_all_pass_with_the_cpu_in_its_place() -> None:
    said = run("--stand-in", "-k", "not compiled")  # the compiler of C++ takes minutes
    assert re.search(r"\d{2} passed", said)
