"""Steps of a run are timed beside those of a bare loop."""

from math import isfinite

import pytest
import torch

from benchmarks import train


def test_a_step_of_ours_is_measured_against_one_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {"U-Net, 64 x 64 cells": ((16, 16), 6), "GRU, 1 ms a step": ((8,), 20)}
    cases = {
        name: {**case, "shape": sizes[name][0], "steps": sizes[name][1]} for name, case in train.CASES.items()
    }
    monkeypatch.setattr(train, "CASES", cases)
    threads = torch.get_num_threads()
    steps_of_unet, waiting, steps_of_gru = train.run(quick=True)
    assert [row.target for row in (steps_of_unet, waiting, steps_of_gru)] == ["<= 1.05", "<= 0.05", "<= 1.3"]
    assert all(isfinite(row.ours) and row.ours > 0 < row.reference for row in (steps_of_unet, steps_of_gru))
    assert isfinite(waiting.ours) and waiting.ours >= 0 < waiting.reference
    assert torch.get_num_threads() == threads
