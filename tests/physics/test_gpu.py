"""Solvers on a CUDA device give the numbers of the CPU."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from physics import propagation
from physics.channels.paths import KeyPoints, frequency_response
from physics.flight.control import Gains
from physics.flight.flight import GUIDANCE, SAMPLE, Setpoints, fly, start
from physics.flight.vehicles import X500
from physics.flight.wind import Wind
from physics.waves.rooms.fdtd import simulate as simulate_room
from physics.waves.rooms.pulse import pulses
from physics.waves.rooms.room import Room
from physics.waves.seismic import propagator, reference
from tests.physics.waves.rooms.examples import CIRCUITS, HARD, POROUS, box, clock
from tests.physics.waves.seismic.models import SMALL, faulted, layered, relative_l2

if TYPE_CHECKING:
    from tests.conftest import Library

pytestmark = pytest.mark.gpu
RNG_SEED = 7


def test_path_gains_and_direct_rays_are_those_of_numpy(library: Library) -> None:
    rng = np.random.default_rng(RNG_SEED)
    building = rng.uniform(0, 30, (3, 24, 32)) * (rng.random((3, 24, 32)) < 0.3)
    terrain = rng.uniform(0, 5, (3, 24, 32))
    transmitter = rng.uniform([10, 10, 5], [110, 80, 40], (3, 3))

    def everything(*given: np.ndarray) -> list:
        b, t, p = given
        link = propagation.link_geometry(t, p, 4.0, 2.0)
        ray = propagation.direct_ray(b, t, p, 4.0, 2.0, 3.66e9)
        gain = propagation.uma_path_gain(link.ground_distance, 25.0, 2.0, 3.66e9, "nlos")
        return [link.distance, link.azimuth, gain, *ray]

    found = everything(*map(library.put, (building, terrain, transmitter)))
    for one, other in zip(found, everything(building, terrain, transmitter), strict=True):
        np.testing.assert_allclose(library.get(one), other, rtol=1e-9, atol=1e-9)


def test_channels_of_traced_paths_are_those_of_numpy(library: Library) -> None:
    rng = np.random.default_rng(RNG_SEED)
    time = 2e-3 * np.arange(20)
    position = np.array([60.0, 20.0, 10.0]) + time[:, None] * np.array([8.0, -3.0, 1.0])
    arrival = rng.normal(size=(2, 5, 3))
    keys = KeyPoints(
        time=time[[0, 19]],
        position=position[[0, 19]],
        coefficient=rng.normal(size=(2, 5, 3)) + 1j * rng.normal(size=(2, 5, 3)),
        delay=np.broadcast_to(rng.uniform(1e-7, 1e-6, 5), (2, 5)).copy(),
        arrival=arrival / np.linalg.norm(arrival, axis=-1, keepdims=True),
    )
    frequency = 2.4e9 + 30e3 * np.arange(-150, 150, 10)
    moved = KeyPoints(*(library.put(part) for part in vars(keys).values()))
    found = frequency_response(moved, *map(library.put, (time, position, frequency)))
    expected = frequency_response(keys, time, position, frequency)
    np.testing.assert_allclose(library.get(found), expected, rtol=1e-6, atol=1e-6)


def test_flights_in_wind_are_those_of_numpy(library: Library) -> None:
    rng = np.random.default_rng(RNG_SEED)
    count, samples = 5, 11
    goal = rng.normal(scale=4.0, size=(1, 3, count)) + np.array([0.0, 0.0, 10.0])[:, None]
    position = np.tile(goal, (samples, 1, 1))
    still, heading = np.zeros_like(position), np.zeros((samples, count))
    velocity, mean = rng.normal(size=(3, count)), rng.normal(scale=3.0, size=(3, count))
    draws = rng.standard_normal((GUIDANCE * (samples - 1), 3, count))

    def flown(put) -> object:
        where, rest, look = put(position), put(still), put(heading)
        begin = start(where[0, ...], put(velocity), look[0, ...])
        return fly(X500, Gains(), Setpoints(where, rest, rest, look), begin, Wind(put(mean), put(draws)))

    theirs, ours = flown(library.put), flown(np.asarray)
    for name in ("position", "velocity", "attitude", "angular_velocity", "wind"):
        found, expected = library.get(getattr(theirs, name)), getattr(ours, name)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-8)
    assert np.abs(ours.position[-1] - ours.position[0]).max() > 0.1 * SAMPLE * samples


@pytest.mark.parametrize("dims", [2, 3])
def test_sound_in_rooms_is_that_of_numpy(library: Library, dims: int) -> None:
    plain = box(dims)
    faces = np.zeros((2 * dims, *plain.air.shape), int)
    faces[1], faces[2] = 1, 2
    room = Room(plain.air, plain.spacing, (HARD, POROUS, CIRCUITS), faces)
    initial, ticks = pulses(room, [(0.6, 0.5, 0.7)[:dims]] * 2, 0.2), clock(room, 30)
    found = library.get(simulate_room(room, library.put(initial), ticks))
    np.testing.assert_allclose(found, simulate_room(room, initial, ticks), atol=1e-12)


def test_the_reference_scheme_of_waves_is_that_of_numpy(library: Library) -> None:
    model = np.stack([layered(20, 40), faulted(20, 40)])
    survey = replace(SMALL, steps=120, source_columns=(3, 20), time_stride=3)
    found = library.get(reference.simulate(library.put(model), survey, strip=10))
    np.testing.assert_allclose(found, reference.simulate(model, survey, strip=10), atol=1e-12)


def test_gathers_of_deepwave_are_those_of_the_cpu(device: torch.device) -> None:
    model = np.stack([layered(), faulted()])
    found = propagator.simulate(model, SMALL, device=device)
    assert relative_l2(found, propagator.simulate(model, SMALL)) < 1e-4


def test_gradients_of_deepwave_are_those_of_the_cpu(device: torch.device) -> None:
    observed = torch.from_numpy(propagator.simulate(faulted()[None], SMALL))

    def gradient(where: torch.device) -> np.ndarray:
        velocity = torch.tensor(layered()[None], dtype=torch.float32, device=where, requires_grad=True)
        gathers = propagator.propagate(velocity, SMALL)
        assert gathers.device.type == where.type
        (gathers - observed.to(where)).square().sum().backward()
        assert velocity.grad is not None
        return velocity.grad.cpu().numpy()

    assert relative_l2(gradient(device), gradient(torch.device("cpu"))) < 1e-3
