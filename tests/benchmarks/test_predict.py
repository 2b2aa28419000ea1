from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import predict
from surrogates.domains.radio.preparations import DrawSamples, LinkBudget


@pytest.mark.parametrize("size", ["tiny", "paper"])
def test_untrained_cascade_of_the_experiment_answers_a_whole_map(size: str, tmp_path: Path) -> None:
    batch, _, _ = predict.example()
    batch[predict.TARGET] = torch.full((1, 128, 128), -100.0)
    rngs = [np.random.default_rng(0)]
    batch = LinkBudget()(DrawSamples()(batch, rngs, train=False), rngs, train=False)
    pipeline, error = predict.cascade(size, tmp_path)
    assert error is None
    assert predict.ask(pipeline, batch)[predict.TARGET].shape == (1, 128, 128)
    parameters = sum(weight.numel() for weight in pipeline.parameters())
    assert parameters == pytest.approx(2 * 31.04e6, rel=1e-3) if size == "paper" else parameters < 10e6
