"""Models of motion: closed formulas, and Jacobians against finite differences."""

import math

import pytest
import torch
from filterpy.common import Q_continuous_white_noise

from surrogates.domains.uav import motion
from surrogates.domains.uav.motion import POSITION, STATES, TURN, VELOCITY

MODELS = {
    "constant velocity": motion.constant_velocity(0.1, 2.0),
    "constant acceleration": motion.constant_acceleration(0.1, 2.0),
    "coordinated turn": motion.coordinated_turn(0.1, 2.0, 0.3),
}


def states(*rates: float) -> torch.Tensor:
    torch.manual_seed(0)
    values = torch.randn(len(rates), STATES, dtype=torch.float64)
    values[:, TURN] = torch.tensor(rates)
    return values


@pytest.mark.parametrize("name", MODELS)
def test_jacobians_are_those_of_the_motion(name: str) -> None:
    given = states(0.0, 1e-6, 5e-4, 0.3, -2.0)
    _, jacobian = MODELS[name].move(given)

    def moved(state: torch.Tensor) -> torch.Tensor:
        return MODELS[name].move(state[None])[0][0]

    for row, state in enumerate(given):
        small = 1e-4 * torch.eye(STATES, dtype=torch.float64)
        columns = [(moved(state + each) - moved(state - each)) / 2e-4 for each in small]
        slopes = torch.stack(columns, dim=1)
        torch.testing.assert_close(jacobian.expand(5, -1, -1)[row], slopes, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(("name", "order"), [("constant velocity", 2), ("constant acceleration", 3)])
def test_process_noise_is_that_of_filterpy(name: str, order: int) -> None:
    expected = Q_continuous_white_noise(order, 0.1, 2.0)
    along_x = [0, 3, 6][:order]
    found = MODELS[name].noise[along_x][:, along_x]
    torch.testing.assert_close(found, torch.from_numpy(expected))
    assert MODELS[name].noise[TURN, TURN] == 0


def test_turning_for_a_while_closes_the_circle() -> None:
    """Radius v / w, a full turn in 2 pi / w."""
    rate, steps = 0.5, 40
    turn = motion.coordinated_turn(2 * math.pi / rate / steps, 1.0, 1.0)
    state = states(rate)
    start, path = state.clone(), []
    for _ in range(steps):
        state, _ = turn.move(state)
        path.append(state[0, :2])
    torch.testing.assert_close(state[:, :2], start[:, :2])
    torch.testing.assert_close(state[:, VELOCITY], start[:, VELOCITY])
    centre = torch.stack(path).mean(0)
    radius = (torch.stack(path) - centre).norm(dim=1)
    torch.testing.assert_close(radius, torch.full_like(radius, float(start[0, 3:5].norm()) / rate))


def test_positive_rates_turn_left() -> None:
    state = torch.zeros(1, STATES, dtype=torch.float64)
    state[0, 3], state[0, TURN] = 1.0, 0.5  # eastward
    moved, _ = MODELS["coordinated turn"].move(state)
    assert moved[0, 1] > 0


def test_a_turn_without_rate_is_a_straight_line() -> None:
    given = states(0.0)
    expected, _ = MODELS["constant velocity"].move(given)
    moved, _ = MODELS["coordinated turn"].move(given)
    torch.testing.assert_close(moved[:, POSITION], expected[:, POSITION])
