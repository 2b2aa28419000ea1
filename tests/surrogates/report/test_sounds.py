"""Sounds of a page: what is played is what was given, on one scale."""

import re
import wave
from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
from matplotlib.figure import Figure

from datasets.store.specs import VariableSpec
from surrogates.evaluation.evaluate import Target
from surrogates.evaluation.tables import Table
from surrogates.report.page import render
from surrogates.report.sounds import PEAK, Tracks, encode_tracks, gain

RATE = 8000
WAVE = np.sin(np.arange(800) / 5)


def played(uri: str) -> tuple[np.ndarray, int]:
    """Return the samples of a `data:` URI, 1 at full scale, and their rate."""
    kind, _, text = uri.partition(",")
    assert kind == "data:audio/wav;base64"
    with wave.open(BytesIO(b64decode(text))) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32767
        return samples, file.getframerate()


def test_one_scale_keeps_differences_in_level() -> None:
    told = encode_tracks(Tracks({"reference": 30 * WAVE, "model": -15 * WAVE}, RATE))
    loud, rate = played(told["reference"])
    quiet, _ = played(told["model"])
    assert rate == RATE
    np.testing.assert_allclose(loud, PEAK * WAVE / np.abs(WAVE).max(), atol=5e-5)
    np.testing.assert_allclose(quiet, -loud / 2, atol=5e-5)


def test_silence_stays_silent() -> None:
    assert gain(np.zeros(4)) == gain() == gain(np.zeros(0)) == 1.0
    assert not played(encode_tracks(Tracks({"reference": np.zeros(9)}, RATE))["reference"])[0].any()


def test_what_nothing_can_play_is_empty_and_changes_no_other() -> None:
    broken = WAVE.copy()
    broken[3] = np.nan
    told = encode_tracks(Tracks({"reference": WAVE, "model": 1e6 * broken}, RATE))
    assert told == {**encode_tracks(Tracks({"reference": WAVE}, RATE)), "model": ""}


def test_a_page_plays_by_itself() -> None:
    figure = Figure()
    figure.subplots().plot(WAVE)
    spec = VariableSpec(name="p", dims=("sample",), shape=(), units="Pa")
    shown = {"a & b": Tracks({"reference": WAVE, "<model>": np.full(9, np.nan)}, RATE), "drawn": figure}
    page = render("run", {}, Table([], 0, {}, {}), [Target(spec)], shown, {})
    assert "a &amp; b" in page and "&lt;model&gt;</dt><dd>NaN or infinite</dd>" in page
    assert not re.search(r"""(?:src|href)=["'](?!data:)""", page)
    (uri,) = re.findall(r'<audio [^>]*src="([^"]+)"', page)
    assert len(played(uri)[0]) == len(WAVE)
    assert page.count('src="data:image/png') == 1


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_the_rate_is_kept(rate: int) -> None:
    assert played(encode_tracks(Tracks({"reference": WAVE}, rate))["reference"])[1] == rate
