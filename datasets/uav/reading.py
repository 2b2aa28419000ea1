"""Read a flight from a log; its content tells which kind it is."""

from __future__ import annotations

from inspect import signature
from pathlib import Path
from typing import Any

from datasets.factory.errors import BuildError
from datasets.factory.formats import BAGS, PACKED, require_format
from datasets.factory.text import HEAD, encoding_of
from datasets.uav.rosbag import METADATA, read_rosbag
from datasets.uav.text import is_euroc, read_csv, read_tum
from datasets.uav.tracks import Flight, checked
from datasets.uav.ulog import read_ulog
from surrogates.core.text import listing


def read_flight(path: str | Path, **options: Any) -> Flight:
    """Read one flight from a log: CSV, TUM, EuRoC, a bag of ROS 1 or 2, or ULog.

    Stamps stay as irregular as the log has them; `datasets.uav.tracks.resampled` puts them on a clock.

    Parameters
    ----------
    path
        A file, or the folder of a bag of ROS 2.
    **options
        Options of the reader: `columns` and `time_unit` of a CSV file, `encoding` of any text, `topic` of a
        bag.

    Raises
    ------
    BuildError
        When there is no such file, it is of another kind, the options are not those of its reader, or it does
        not hold one flight as `datasets.uav.tracks.checked` wants it.
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise BuildError(f"there is no log {path}")
    reader = _reader(path)
    known = signature(reader).parameters.keys() - {"path"}
    if strange := options.keys() - known:
        raise BuildError(
            f"{path} cannot be read with {listing(strange)}; options of its kind of log: {listing(known)}; "
            "leave the others out"
        )
    flights = reader(path, **options)
    if len(flights) != 1:
        raise BuildError(
            f"{path} holds {len(flights)} flights, expected one; make a store of all by "
            "`surrogates data import`"
        )
    return checked(flights[0])


READERS = {
    **dict.fromkeys(BAGS, read_rosbag),
    **dict.fromkeys(PACKED, read_csv),
    "ulog": read_ulog,
    "text": read_tum,
}
"""By format; a text with commas that is not of EuRoC's layout is CSV."""
EXPECTED = "a log of a flight: CSV, TUM, EuRoC, a bag of ROS 1 or 2, or ULog"


def _reader(path: Path) -> Any:
    if (path / METADATA).is_file():
        return read_rosbag
    if path.is_dir():
        raise BuildError(f"{path} is a folder without {METADATA}, expected {EXPECTED}")
    found = require_format(path, tuple(READERS), EXPECTED)
    if found not in READERS:
        raise BuildError(f"{path} is empty or of an unknown format, expected {EXPECTED}")
    if found == "text":
        with path.open("rb") as file:
            head = file.read(HEAD)
        text = head.decode(encoding_of(head), errors="replace")
        return read_csv if "," in text.partition("\n")[0] and not is_euroc(text) else read_tum
    return READERS[found]
