"""DeepXDE, imported once, with a home of its own: it may write there."""

import os
from typing import Any

import pytest
import torch


@pytest.fixture(scope="session")
def deepxde(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """DeepXDE with PyTorch below it; what it changes in torch is put back."""
    pytest.importorskip("deepxde")
    from surrogates.domains.acoustics.deepxde import load_deepxde

    home, before = tmp_path_factory.mktemp("home"), os.environ.get("HOME")
    state = torch.get_default_dtype(), torch.random.get_rng_state()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        found = load_deepxde()
    assert os.environ.get("HOME") == before
    torch.set_default_dtype(state[0])
    torch.random.set_rng_state(state[1])
    return found
