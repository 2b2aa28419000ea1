"""Read a flight from a log; its content tells which kind it is."""

from __future__ import annotations

from inspect import signature
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from datasets.factory.errors import BuildError
from datasets.factory.formats import BAGS, PACKED, require_format
from datasets.factory.left_out import LeftOut
from datasets.factory.text import HEAD, encoding_of
from datasets.store.urls import at_home
from datasets.uav.bags import METADATA
from datasets.uav.rosbag import read_rosbag
from datasets.uav.text import is_euroc, is_tum, read_csv, read_tum
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
        Options of the reader: `columns`, `time_unit` and `frame` of a CSV file, `encoding`, `separator` and
        `decimal` of any text; `topic`, `parent`, `child`, `frame`, `twist` and `clock` of a bag; `instance`
        of a ULog.

    Raises
    ------
    BuildError
        When there is no such file, it is of another kind, the options are not those of its reader, or it does
        not hold one flight as `datasets.uav.tracks.checked` wants it.
    """
    path = at_home(path)
    if not path.exists():
        raise BuildError(f"there is no log {path}")
    reader = _reader(path)
    known = signature(reader).parameters.keys() - {"path"}
    if strange := options.keys() - known:
        raise BuildError(
            f"{path} cannot be read with {listing(strange)}; options of its kind of log: {listing(known)}; "
            "leave the others out"
        )
    flights = reader(path, **_typed(path, reader, options))
    if len(flights) != 1:
        raise BuildError(
            f"{path} holds {len(flights)} flights, expected one; make a store of all by "
            "`surrogates data import`"
        )
    flight = checked(flights[0])
    found = LeftOut("samples", len(flight.stamps) + sum(flight.left_out.values()), flight.left_out)
    if not found.few():
        raise BuildError(f"{path}: {found.remark()}; at most {found.most:.0%} expected, mend the log")
    return flight


READERS = {
    **dict.fromkeys(BAGS, read_rosbag),
    **dict.fromkeys(PACKED, read_csv),
    "ulog": read_ulog,
    "text": read_tum,
}
"""By format; a text whose first line names columns that are not EuRoC's is CSV."""
EXPECTED = "a log of a flight: CSV, TUM, EuRoC, a bag of ROS 1 or 2, or ULog"


def _typed(path: Path, reader: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Return options in the types of a reader, such as a number for its text."""
    hints = get_type_hints(reader)
    typed = {}
    for name, value in options.items():
        try:
            typed[name] = TypeAdapter(hints[name]).validate_python(value)
        except ValidationError as error:
            raise BuildError(f"{path}: {name} is {value!r}. {error.errors()[0]['msg']}") from None
    return typed


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
        return read_tum if is_euroc(text) or is_tum(text) else read_csv
    return READERS[found]
