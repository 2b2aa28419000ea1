"""Reads a flight from a log of any kind, by the end of its name."""

from __future__ import annotations

from inspect import signature
from pathlib import Path
from typing import Any

from datasets.factory.errors import BuildError
from datasets.uav.rosbag import is_bag, read_rosbag
from datasets.uav.text import TEXTS, first_line, is_archive, is_euroc, read_csv, read_tum
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
        Of the reader: `columns` and `time_unit` of a CSV file, `topic` of a bag.

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


def _reader(path: Path) -> Any:
    if is_bag(path):
        return read_rosbag
    if path.suffix == ".ulg":
        return read_ulog
    if is_archive(path):
        return read_csv
    if path.suffix in TEXTS and path.is_file():
        line = first_line(path)
        return read_csv if "," in line and not is_euroc(line) else read_tum
    raise BuildError(
        f"{path} is of an unknown kind, expected {', '.join(TEXTS)}, .bag, .db3, .mcap, .ulg or the "
        "folder of a bag of ROS 2"
    )
