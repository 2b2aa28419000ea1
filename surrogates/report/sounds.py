"""What a page plays: signals in time, predicted beside reference, as loud as each other."""

import wave
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO

import numpy as np

PEAK = 10 ** (-1 / 20)
"""Of the loudest of some signals: 1 dB below full scale."""
FULL_SCALE = 2**15 - 1


@dataclass(frozen=True, eq=False)
class Tracks:
    """Signals that a page plays beside each other; a plot returns them as it returns figures.

    Attributes
    ----------
    signals
        Samples (time,) by name, such as `reference` and the model's, in any unit that they share.
    rate
        Samples per second.
    """

    signals: Mapping[str, np.ndarray]
    rate: int


def gain(*signals: np.ndarray) -> float:
    """Return the factor that brings the largest peak of signals to 1 dB below full scale; 1 for silence."""
    peak = max((float(np.abs(each).max(initial=0.0)) for each in signals), default=0.0)
    return PEAK / peak if peak > 0 else 1.0


def encode_tracks(tracks: Tracks) -> dict[str, str]:
    """Return each signal as a `data:` URI of a WAV file with 16 bits, all on one scale.

    That of a signal with NaN or infinite samples, which nothing can play, is empty.
    """
    known = {name: each for name, each in tracks.signals.items() if np.isfinite(each).all()}
    scale = FULL_SCALE * gain(*known.values())
    return {name: _wav(scale * known[name], tracks.rate) if name in known else "" for name in tracks.signals}


def _wav(samples: np.ndarray, rate: int) -> str:
    stream = BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.round(samples).astype("<i2").tobytes())
    return "data:audio/wav;base64," + b64encode(stream.getvalue()).decode()
