"""Our network in DeepXDE answers as ours, shares its weights, and has the same derivatives."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch

from surrogates.core.errors import ConfigError
from surrogates.domains.acoustics.deepxde import as_deepxde
from surrogates.domains.acoustics.objectives import second_derivatives
from surrogates.models.deeponet import DeepONet


def network(branch: str = "modified_mlp", outputs: int = 1) -> DeepONet:
    torch.manual_seed(0)
    made = DeepONet(
        {"branch": 1, "trunk": 3},
        outputs,
        {"branch": (6, 5)},
        width=24,
        depth=3,
        products=10,
        branch=branch,
        wave_numbers=(3.0, 1.5),
        widths=(4, 6),
    )
    with torch.no_grad():
        made.bias += 0.3
    return made.eval()


@pytest.mark.parametrize("branch", ["modified_mlp", "mlp"])
def test_answers_are_equal(deepxde: Any, branch: str) -> None:
    ours = network(branch)
    theirs = as_deepxde(ours)
    assert isinstance(theirs, deepxde.nn.DeepONetCartesianProd)
    u, y = torch.randn(4, 1, 6, 5), torch.rand(9, 3)
    torch.testing.assert_close(theirs((u.flatten(1), y)), ours(u, y)[:, 0], rtol=1e-5, atol=1e-6)


def test_a_residual_branch_takes_its_field(deepxde: Any) -> None:
    ours, u, y = network("resnet"), torch.randn(4, 1, 6, 5), torch.rand(9, 3)
    torch.testing.assert_close(as_deepxde(ours)((u, y)), ours(u, y)[:, 0], rtol=1e-5, atol=1e-6)


def test_what_trains_there_trains_ours(deepxde: Any) -> None:
    ours = network()
    theirs = as_deepxde(ours)
    assert {id(each) for each in theirs.parameters()} == {id(each) for each in ours.parameters()}
    rng = np.random.default_rng(0)
    u, y = rng.normal(size=(8, 30)).astype(np.float32), rng.random((20, 3)).astype(np.float32)
    values = (u[:, :1] * np.sin(3 * y[:, 0])).astype(np.float32)
    data = deepxde.data.TripleCartesianProd((u, y), values, (u, y), values)
    model = deepxde.Model(data, theirs)

    def error() -> float:
        with torch.no_grad():
            found = ours(torch.as_tensor(u).reshape(8, 1, 6, 5), torch.as_tensor(y))
        return float((found[:, 0] - torch.as_tensor(values)).square().mean())

    before = error()
    model.compile("adam", lr=1e-3, verbose=0)
    model.train(iterations=60, verbose=0)
    assert error() < 0.5 * before


def test_second_derivatives_are_those_of_deepxde(deepxde: Any) -> None:
    ours, u = network().double(), torch.randn(2, 1, 6, 5, dtype=torch.float64)
    theirs, y = as_deepxde(ours), torch.rand(7, 3, dtype=torch.float64, requires_grad=True)
    points = list(y.detach().unbind(-1))
    with torch.no_grad():
        found = second_derivatives(lambda *axes: ours(u, torch.stack(axes, dim=-1))[:, 0], points)
    answers = theirs((u.flatten(1), y))
    for record in range(2):
        for axis in range(3):
            expected = deepxde.grad.hessian(answers[record][:, None], y, i=axis, j=axis)
            torch.testing.assert_close(found[axis][record], expected[:, 0].detach(), rtol=1e-8, atol=1e-12)
        deepxde.grad.clear()
    assert min(float(each.abs().max()) for each in found) > 1e-5


def test_several_channels_are_refused_in_one_line() -> None:
    with pytest.raises(ConfigError, match=r"a network of 2 channels found, one expected; [^\n]*$"):
        as_deepxde(network(outputs=2))


def test_the_domain_is_imported_without_deepxde() -> None:
    code = "import sys, surrogates.domains.acoustics.deepxde; sys.exit('deepxde' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
