"""The Fourier neural operator between grids of different size."""

import pytest
import torch

from surrogates.core.optional import MissingExtraError
from surrogates.models.fno import FNO

pytest.importorskip("neuralop")


def test_published_size_has_its_number_of_weights() -> None:
    with torch.device("meta"):
        net = FNO(1, 5, (70, 70), (1000, 70))
    assert sum(p.numel() for p in net.parameters()) == pytest.approx(7.38e6, rel=0.005)


@pytest.mark.parametrize(
    ("before", "after"), [((20, 20), (100, 20)), ((100, 20), (20, 24)), ((20, 20), (20, 20))]
)
def test_grids_lead_from_the_input_to_the_output(before: tuple, after: tuple) -> None:
    net = FNO(1, 2, before, after, width=4, modes=5, layers=3)
    assert net(torch.randn(2, 1, *before)).shape == (2, 2, *after)


def test_weights_are_tensors_alone() -> None:
    net = torch.nn.ModuleDict({"network": FNO(1, 1, (16, 16), (16, 16), width=4, modes=4)})
    state = net.state_dict()
    assert all(isinstance(value, torch.Tensor) for value in state.values())
    again = torch.nn.ModuleDict({"network": FNO(1, 1, (16, 16), (16, 16), width=4, modes=4)})
    again.load_state_dict(state)
    x = torch.randn(1, 1, 16, 16)
    torch.testing.assert_close(again["network"](x), net["network"](x), rtol=0, atol=0)


def test_another_shape_is_refused_in_one_line() -> None:
    net = FNO(1, 1, (16, 16), (16, 16), width=4, modes=4)
    with pytest.raises(ValueError, match=r"needs \(batch, 1, 16, 16\); found \(2, 1, 16, 20\); give[^\n]*$"):
        net(torch.randn(2, 1, 16, 20))


def test_missing_package_is_answered_with_the_line_that_installs_it(monkeypatch) -> None:
    def absent(name: str) -> None:
        raise ModuleNotFoundError(f"No module named '{name}'", name=name)

    monkeypatch.setattr("surrogates.core.optional.import_module", absent)
    with pytest.raises(MissingExtraError, match=r'pip install "sciml-surrogates\[operators\]"'):
        FNO(1, 1, (16, 16), (16, 16))
