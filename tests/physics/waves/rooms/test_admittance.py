import numpy as np
import pytest

from physics.waves.rooms.admittance import RIGID, Admittance
from physics.waves.rooms.air import AIR
from physics.waves.rooms.exact import porous_admittance
from tests.physics.waves.rooms.examples import CIRCUITS, HARD, POROUS

OCTAVES = np.array([100.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0])


def porous_absorption(frequency: np.ndarray) -> np.ndarray:
    """Absorption of the layer that the published poles were fitted to."""
    normalised = AIR.impedance * porous_admittance(frequency, 10_000.0, 0.03)
    return 1 - np.abs((1 - normalised) / (1 + normalised)) ** 2


def test_the_published_poles_absorb_as_the_layer_that_they_were_fitted_to() -> None:
    expected = [0.019, 0.079, 0.201, 0.478, 0.862, 0.933]
    np.testing.assert_allclose(POROUS.absorption(OCTAVES), expected, atol=0.001)
    np.testing.assert_allclose(
        porous_absorption(OCTAVES), [0.020, 0.079, 0.202, 0.477, 0.861, 0.932], atol=0.001
    )
    every = np.geomspace(60, 5000, 200)
    np.testing.assert_allclose(POROUS.absorption(every), porous_absorption(every), atol=0.005)


def test_an_impedance_of_7400_absorbs_a_fifth() -> None:
    assert HARD.absorption(300.0) == pytest.approx(0.200, abs=0.001)
    assert RIGID.absorption(300.0) == 0.0
    assert Admittance.of_impedance(AIR.impedance).absorption(300.0) == pytest.approx(1.0)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.95, 1.0])
def test_a_wall_of_an_absorption_absorbs_it(share: float) -> None:
    assert Admittance.of_absorption(share).absorption(1000.0) == pytest.approx(share, abs=1e-12)


def test_circuits_are_the_inverse_of_their_impedances() -> None:
    s = 2j * np.pi * OCTAVES
    each = [(0.002, 3.0, 4000.0), (0.0, 8.0, 9000.0), (0.001, 6.0, 0.0)]
    expected = sum(1 / (AIR.impedance * (d * s + e + f / s)) for d, e, f in each)
    np.testing.assert_allclose(CIRCUITS.response(OCTAVES), expected, rtol=1e-12)


@pytest.mark.parametrize("wall", [POROUS, CIRCUITS, HARD, Admittance.of_circuits([(1.0, 2.0, 1.0)])])
def test_air_before_a_wall_is_a_mass(wall: Admittance) -> None:
    found = wall.behind_air(0.02).response(OCTAVES)
    expected = 1 / (1 / wall.response(OCTAVES) + 2j * np.pi * OCTAVES * AIR.density * 0.02)
    np.testing.assert_allclose(found, expected, rtol=2e-4 if len(wall.blocks) == 1 else 1e-9)
    wall.behind_air(0.02).require_passive()


@pytest.mark.parametrize("wall", [RIGID, HARD, POROUS, CIRCUITS, Admittance.of_circuits([(1.0, 0.0, 5.0)])])
def test_passive_walls_pass(wall: Admittance) -> None:
    wall.require_passive()


def test_a_wall_that_gives_energy_in_a_narrow_band_is_refused() -> None:
    """Below 0 between two frequencies only, which lie between those that any plot would show."""
    resonance, width = 2 * np.pi * 700.0, 0.5
    narrow = Admittance.of_poles([], [(-1e-4, 0.0, width, resonance)], direct=1e-4, name="panel")
    with pytest.raises(ValueError, match=r"panel is not passive: it gives energy at 700 Hz") as caught:
        narrow.require_passive()
    assert "\n" not in str(caught.value)
    Admittance.of_poles([], [(-1e-5, 0.0, width, resonance)], direct=1e-4).require_passive()


def test_a_wall_whose_memory_grows_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a pole at \+100 1/s grows"):
        Admittance.of_poles([(0.1, -100.0)], []).require_passive()


@pytest.mark.parametrize("direct", [-1e-6, -1.0])
def test_a_negative_conductance_is_refused(direct: float) -> None:
    with pytest.raises(ValueError, match="not passive"):
        Admittance(direct).require_passive()


@pytest.mark.parametrize(
    "circuit", [(-1.0, 1.0, 1.0), (0.0, 0.0, 1.0), (1.0, -0.1, 0.0), (1.0, float("nan"), 0)]
)
def test_active_circuits_are_refused(circuit: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="would not be passive"):
        Admittance.of_circuits([circuit])


@pytest.mark.parametrize("impedance", [0.0, -400.0, float("nan")])
def test_impedances_must_be_positive(impedance: float) -> None:
    with pytest.raises(ValueError, match="more than 0 expected"):
        Admittance.of_impedance(impedance)


@pytest.mark.parametrize("share", [-0.1, 1.2])
def test_absorption_is_a_share(share: float) -> None:
    with pytest.raises(ValueError, match="0 to 1 expected"):
        Admittance.of_absorption(share)


def test_twice_the_area_lets_twice_as_much_through() -> None:
    np.testing.assert_allclose(CIRCUITS.scaled(2.0).response(OCTAVES), 2 * CIRCUITS.response(OCTAVES))
