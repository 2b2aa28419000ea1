"""A page to listen to: sounds and pictures in one file, which needs no other and no network."""

from base64 import b64encode
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import numpy as np
from jinja2 import Environment
from matplotlib.figure import Figure

from surrogates.core.files import write_atomic
from surrogates.core.optional import require
from surrogates.domains.acoustics.signals import Signal, levelled
from surrogates.report.pictures import encode

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ title }}</title>
<style>body { font-family: sans-serif; max-width: 60rem; margin: 2rem auto; } img { max-width: 100%; }</style>
</head><body><h1>{{ title }}</h1>
{% for name, sound in sounds %}<figure><figcaption>{{ name }}</figcaption>
<audio controls src="{{ sound }}"></audio></figure>
{% endfor %}{% for name, picture in pictures %}<figure><figcaption>{{ name }}</figcaption>
<img alt="{{ name }}" src="{{ picture }}"></figure>
{% endfor %}</body></html>
"""


def sound_uri(samples: np.ndarray, rate: int) -> str:
    """Return a sound as a `data:` URI of a WAV file, its peak 1 dB below full scale.

    Parameters
    ----------
    samples : (time,)
        In any unit.
    rate
        Hz.
    """
    stream = BytesIO()
    require("soundfile", "Writing sound").write(stream, levelled(samples), rate, format="WAV")
    return "data:audio/wav;base64," + b64encode(stream.getvalue()).decode()


def write_page(
    path: str | Path, title: str, sounds: Mapping[str, Signal], figures: Mapping[str, Figure]
) -> Path:
    """Write a page with sounds and pictures.

    Parameters
    ----------
    path
        Of the page.
    title
        Of the page.
    sounds
        Samples and their rate, Hz, by caption.
    figures
        By caption.
    """
    page = Environment(autoescape=True).from_string(PAGE)
    text = page.render(
        title=title,
        sounds=[(name, sound_uri(*sound)) for name, sound in sounds.items()],
        pictures=[(name, encode(figure)) for name, figure in figures.items()],
    )
    write_atomic(Path(path), text)
    return Path(path)
