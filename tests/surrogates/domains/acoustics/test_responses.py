"""Impulse responses and sound of moving sources, of a surrogate that knows free space, and of a bundle."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr

import surrogates
from datasets.store.errors import ContractError
from physics.waves.rooms.exact import free_pulse
from surrogates.core.errors import ConfigError
from surrogates.domains.acoustics.responses import impulse_response, move
from surrogates.domains.acoustics.signals import SignalWarning, band_limited
from surrogates.domains.acoustics.verbs import AcousticsVerbs
from surrogates.inference.bundle import save_bundle
from surrogates.inference.errors import OutOfRangeWarning
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig
from tests.silence import no_warnings
from tests.surrogates.domains.acoustics.rooms import HIGHEST, SPEED, fake_surrogate, room_batch, room_context

WIDTH = 2 * SPEED / (np.pi * HIGHEST)
RATE = 8000


def tone(frequency: float = 200.0, seconds: float = 0.3) -> tuple[np.ndarray, int]:
    return np.sin(2 * np.pi * frequency * np.arange(round(seconds * RATE)) / RATE), RATE


def quiet_move(*given: Any, **more: Any) -> xr.DataArray:
    with no_warnings():
        return move(*given, **more)


def test_response_in_free_space_is_the_spreading_pulse() -> None:
    found = impulse_response(fake_surrogate(), [1.0, 1.0, 1.0], [1.0, 3.0, 1.0])
    assert found.dims == ("time",)
    assert found.attrs["units"] == "Pa"
    np.testing.assert_allclose(found, free_pulse(2.0, found["time"].values, WIDTH), atol=1e-9)
    assert float(found["time"][1]) == pytest.approx(1 / (4 * HIGHEST))
    assert float(found["time"][-1]) <= 0.03


def test_several_sources_and_receivers_are_asked_at_once() -> None:
    fake = fake_surrogate()
    sources, receivers = (
        [[1.0, 1.0, 1.0], [2.0, 1.0, 1.0]],
        [[1.0, 3.0, 1.0], [3.0, 3.0, 2.0], [1.5, 2.0, 3.0]],
    )
    times = np.array([0.0, 0.004, 0.01])
    found = impulse_response(fake, sources, receivers, times)
    assert found.dims == ("source", "receiver", "time")
    assert len(fake.asked) == 1
    for s, source in enumerate(sources):
        for r, receiver in enumerate(receivers):
            alone = impulse_response(fake_surrogate(), source, receiver, times)
            np.testing.assert_allclose(found[s, r], alone)
            assert [found[f"receiver_{axis}"][r] for axis in "xyz"] == receiver
    # The pulse itself is what the branch is given: 1 Pa at the source.
    branch = fake.asked[0]["initial_pressure"]
    assert branch.dims == ("sample", "branch_x", "branch_y", "branch_z")
    x = fake.asked[0]["branch_x"].values
    np.testing.assert_allclose(
        branch[1].max(("branch_y", "branch_z")) / branch[1].max(),
        np.exp(-(((x - 2.0) / WIDTH) ** 2)) / np.exp(-(((x - 2.0) / WIDTH) ** 2)).max(),
    )


@pytest.mark.parametrize(
    ("source", "receiver", "message"),
    [
        (
            [1.0, 1.0, 5.0],
            [1.0, 1.0, 1.0],
            r"source: position 0 is \(1, 1, 5\) m, outside the room of[^\n]*inside$",
        ),
        (
            [1.0, 1.0, 1.0],
            [[1.0, 1.0, 1.0], [-0.1, 1, 1]],
            r"receiver: position 1 is \(-0\.1, 1, 1\) m, outside",
        ),
        (
            [1.0, np.nan, 1.0],
            [1.0, 1.0, 1.0],
            r"source: position 0 is \(1, nan, 1\), finite coordinates[^\n]*$",
        ),
        (
            [1.0, 1.0],
            [1.0, 1.0, 1.0],
            r"source: shape \(2,\) found, \(3,\) or \(count, 3\) expected: x, y, z in m$",
        ),
        (
            [[1.0, 1.0, 1.0], [1.0, 1.0]],
            [1.0, 1.0, 1.0],
            r"source: \[\[1\.0, 1\.0, 1\.0\], \[1\.0, 1\.0\]\] found, 3 numbers for each position[^\n]*in m$",
        ),
    ],
)
def test_wrong_positions_are_refused_in_one_line(source, receiver, message) -> None:
    fake = fake_surrogate()
    with pytest.raises(ContractError, match=message):
        impulse_response(fake, source, receiver)
    with pytest.raises(
        ContractError, match=message.replace("source:", "source_path:").replace("receiver:", "receiver_path:")
    ):
        move(fake, source, receiver, tone(), rate=RATE)
    assert not fake.asked


def test_a_surrogate_of_something_else_is_refused_in_one_line() -> None:
    fake = fake_surrogate()
    fake.outputs = {"path_gain": None}
    with pytest.raises(ContractError, match=r"predicts path_gain from [^\n]*expected sound_pressure[^\n]*$"):
        impulse_response(fake, [1.0, 1.0, 1.0], [2.0, 1.0, 1.0])


def test_resting_source_is_heard_as_the_convolution_with_its_response() -> None:
    source, receiver = [1.0, 1.0, 1.0], [1.0, 2.2, 1.0]
    samples, rate = tone()
    heard = quiet_move(fake_surrogate(), source, receiver, (samples, rate), rate=rate)
    times = np.arange(round(0.03 * rate)) / rate
    expected = np.convolve(band_limited(samples, rate, HIGHEST), free_pulse(1.2, times, WIDTH)) / rate
    count = len(samples)  # what follows is faded out
    np.testing.assert_allclose(heard[:count], expected[:count], atol=2e-3 * np.abs(expected).max())
    assert heard.attrs["rate"] == rate


def test_a_resting_source_is_asked_once() -> None:
    fake = fake_surrogate()
    move(fake, [1.0, 1.0, 1.0], [1.0, 2.2, 1.0], tone(), rate=RATE)
    assert len(fake.asked) == 1


def test_a_source_that_comes_nearer_is_heard_higher() -> None:
    """The Doppler effect: f c / (c - v) for a source that approaches at v."""
    speed, seconds = 8.0, 0.4
    path = [[0.2, 2.0, 2.0], [0.2 + speed * seconds, 2.0, 2.0]]
    heard = quiet_move(
        fake_surrogate(), path, [3.9, 2.0, 2.0], tone(250.0, seconds), rate=RATE, interval=0.002
    ).values
    middle = heard[round(0.1 * RATE) : round(0.35 * RATE)]
    crossings = np.flatnonzero(np.diff(np.signbit(middle)))
    first, last = (c - middle[c] / (middle[c + 1] - middle[c]) for c in (crossings[0], crossings[-1]))
    frequency = (len(crossings) - 1) / 2 / (last - first) * RATE
    assert frequency == pytest.approx(250 * SPEED / (SPEED - speed), rel=2e-3)


def test_sound_is_written(tmp_path: Path) -> None:
    soundfile = pytest.importorskip("soundfile")
    heard = move(
        fake_surrogate(), [1.0, 1.0, 1.0], [1.0, 2.2, 1.0], tone(), rate=RATE, out=tmp_path / "heard.wav"
    ).values
    samples, rate = soundfile.read(tmp_path / "heard.wav")
    assert rate == RATE
    np.testing.assert_allclose(samples, heard * 10 ** (-1 / 20) / np.abs(heard).max(), atol=1e-4)


def test_a_rate_below_twice_the_highest_frequency_is_refused_in_one_line() -> None:
    with pytest.raises(ConfigError, match=r"rate 700 Hz and interval 0.02 s found; at least 800 Hz[^\n]*$"):
        move(fake_surrogate(), [1.0, 1.0, 1.0], [1.0, 2.2, 1.0], tone(), rate=700)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network with random weights for a room of 2 m by 1.5 m, which knows sources from 0.6 to 1.4 m."""
    context = room_context()
    config = PipelineConfig(
        inputs=list(context.inputs),
        targets=list(context.targets),
        record_dimension="sample",
        transform={"name": "points"},
        network={"name": "deeponet", "width": 16, "depth": 1, "products": 4},
    )
    torch.manual_seed(0)
    pipeline = Pipeline(config, context).eval()
    pipeline.fit_normalisers([room_batch(context, 8)])
    with torch.no_grad():  # fresh weights answer almost the same everywhere
        pipeline.network.branch[-1].last.weight *= 30
        pipeline.network.trunk[-1].last.weight *= 30
    ranges = {"source_position": (0.6, 1.4), "initial_pressure": (0.0, 0.9), "point_time": (0.0, 0.012)}
    ranges |= {"point_x": (0.0, 2.0), "point_y": (0.5, 2.0)}
    return save_bundle(tmp_path_factory.mktemp("bundles") / "room", pipeline, ranges=ranges)


def test_verbs_of_a_bundle_answer_what_predict_answers(bundle: Path) -> None:
    surrogate = surrogates.load(bundle)
    times = np.array([0.0, 0.003, 0.011])
    found = AcousticsVerbs(surrogate).impulse_response([1.0, 1.2], [0.4, 1.9], times)
    x, y = np.linspace(0, 2, 6), np.linspace(0.5, 2, 5)
    pulse = np.exp(-(((x[None] - 1.0) ** 2 + (y[:, None] - 1.2) ** 2) / 0.546**2))
    asked = xr.Dataset(
        {
            "initial_pressure": (("branch_y", "branch_x"), pulse.astype(np.float32), {"units": "Pa"}),
            "source_position": ("axis", np.array([1.0, 1.2]), {"units": "m"}),
            "point_x": ("point", np.full(3, 0.4), {"units": "m"}),
            "point_y": ("point", np.full(3, 1.9), {"units": "m"}),
            "point_time": ("point", times, {"units": "s"}),
        },
        coords={"branch_x": ("branch_x", x, {"units": "m"}), "branch_y": ("branch_y", y, {"units": "m"})},
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutOfRangeWarning)
        expected = surrogate.predict(asked)["sound_pressure"]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    assert np.ptp(found.values) > 1e-3


def test_a_source_where_none_was_trained_warns(bundle: Path) -> None:
    verbs = AcousticsVerbs(surrogates.load(bundle))
    with no_warnings():
        verbs.impulse_response([1.0, 1.2], [0.4, 1.9])
    with pytest.warns(OutOfRangeWarning, match="source_position"):
        verbs.impulse_response([1.8, 1.2], [0.4, 1.9])
    with pytest.raises(ContractError, match="outside the room"):
        verbs.impulse_response([2.2, 1.2], [0.4, 1.9])


def test_inputs_that_the_surrogate_does_not_have_are_refused_in_one_line(bundle: Path) -> None:
    with pytest.raises(ContractError, match=r"wall_impedance: no input of this surrogate[^\n]*leave it out$"):
        AcousticsVerbs(surrogates.load(bundle)).impulse_response([1.0, 1.2], [0.4, 1.9], wall_impedance=1e4)


def test_a_bundle_plays_a_signal(bundle: Path) -> None:
    verbs = AcousticsVerbs(surrogates.load(bundle))
    with pytest.warns(SignalWarning, match="4000 samples per second: resampled to 8000"):
        heard = verbs.move(
            [[0.7, 0.8], [1.3, 1.3]], [0.4, 1.9], (np.sin(np.arange(800) / 4), 4000), rate=RATE
        )
    assert heard.sizes["time"] > 1600
    assert np.isfinite(heard).all()
