"""The cascade of the speed rows answers, and the busy neighbour ends with the benchmark."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.speed import predict
from surrogates.data.batch import Batch
from surrogates.domains.radio.preparations.maps import DrawSamples, LinkBudget

ROOT = Path(predict.__file__).parents[2]
HOLD = """
import time
from benchmarks.speed.predict import busy_neighbour
with busy_neighbour() as switch:
    switch()
    print("busy", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def batch() -> Batch:
    batch, _, _ = predict.example()
    batch[predict.TARGET] = torch.full((1, 128, 128), -100.0)
    rngs = [np.random.default_rng(0)]
    return LinkBudget()(DrawSamples()(batch, rngs, train=False), rngs, train=False)


@pytest.mark.parametrize("size", ["tiny", "paper"])
def test_untrained_cascade_of_the_experiment_answers_a_whole_map(
    size: str, batch: Batch, tmp_path: Path
) -> None:
    pipeline, error = predict.cascade(size, tmp_path)
    assert error is None
    assert predict.ask(pipeline, batch)[predict.TARGET].shape == (1, 128, 128)
    parameters = sum(weight.numel() for weight in pipeline.parameters())
    assert parameters == pytest.approx(2 * 31.04e6, rel=1e-3) if size == "paper" else parameters < 10e6


def test_the_neighbour_is_busy_from_one_call_to_the_next() -> None:
    took = []
    for calls in (1, 2):
        before = os.times().children_user
        with predict.busy_neighbour() as switch:
            for _ in range(calls):
                switch()
            time.sleep(0.5)
        took.append(os.times().children_user - before)
    busy, resting = took
    assert busy > resting + 0.1


def test_the_neighbour_ends_with_a_benchmark_that_is_killed() -> None:
    command = [sys.executable, "-c", HOLD]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True) as benchmark:
        assert benchmark.stdout is not None and benchmark.stdout.readline() == "busy\n"
        benchmark.kill()
        benchmark.communicate(timeout=20)  # the neighbour writes to the same pipe, which ends with both
