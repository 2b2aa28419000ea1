"""Maps traced on CUDA are those of LLVM."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.speed.gpu_rays import backend, solver, trace
from datasets.radio.variables import REPEATABILITY
from physics.raytracing.solver import Settings

RACES = 0.05
"""dB, of the median with diffraction: threads race for edges, and LLVM alone then repeats to 0.003 dB."""


@pytest.mark.gpu
def test_maps_traced_on_cuda_are_those_of_llvm_to_the_stated_repeatability(device: torch.device) -> None:
    with solver(on_cpu=device.type == "cpu") as ours, solver(on_cpu=True) as theirs:
        if device.type == "cuda" and not ours.submit(backend).result().startswith("CUDA"):
            pytest.skip("there is no OptiX (libnvoptix.so.1) beside the CUDA driver")
        for diffraction, tolerance in ((False, REPEATABILITY), (True, RACES)):
            settings = Settings(rays=1_000_000, depth=3, diffraction=diffraction)
            found, expected = (each.submit(trace, settings).result() for each in (ours, theirs))
            reached, by_both = np.isfinite(expected), np.isfinite(found) & np.isfinite(expected)
            assert reached.mean() > 0.2
            assert by_both.sum() > 0.99 * max(reached.sum(), np.isfinite(found).sum())
            assert np.median(np.abs(found - expected)[by_both]) <= tolerance
