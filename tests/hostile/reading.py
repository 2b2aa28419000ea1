"""Read hostile files as the importers do, one after another, in a watched child."""

import json
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

LIMIT = 8 << 20
"""`most_bytes` of the tests: small, so that what passes it is made in no time."""
WORKED, WAITED = 5.0, 60.0
"""Seconds of the processor, and on the clock, after which a case is given up."""


def mapping(path: str, **keys: Any) -> dict[str, Any]:
    """Return a mapping that names the variable of a file `u`."""
    variable = {"source": "u", "units": "m", "long_name": "u", "dims": ["sample", "x"]}
    return {"title": "t", "files": path, "variables": {"u": variable}, "most_bytes": LIMIT, **keys}


def generic(path: str, **keys: Any) -> None:
    """Import a file by a mapping."""
    from datasets.factory.importing import import_generic

    import_generic(mapping(path, **keys), f"{path}.out.zarr", workers=0, progress=False)


def records(path: str) -> None:
    """Import a file by a mapping, as far as to the first record."""
    from datasets.factory.importing import recipe_of
    from datasets.factory.opening import close_files

    try:
        first(recipe_of(mapping(path)))
    finally:
        close_files()


def recipe(name: str, path: str, **keys: Any) -> None:
    """Import a file by the importer of its kind, as far as to the first record."""
    from datasets.factory.find import find_recipe

    first(find_recipe(name).make({"folder": path, **keys}))


def first(made: Any) -> None:
    """Read all that stands in the store before the records, and the first of them."""
    made.prepare()
    made.specs()
    made.shared()
    made.simulate(np.arange(min(1, made.records())), [])


def inputs(path: str) -> None:
    """Open what a prediction is made from."""
    from surrogates.inference.source import open_inputs

    open_inputs(path).load()


def buildings(path: str) -> None:
    """Read the buildings of a map."""
    from datasets.radio.buildings import read_buildings

    read_buildings(path, most=LIMIT)


def grey(path: str) -> None:
    """Read a grey picture."""
    from datasets.radio.images import read_grey

    read_grey(Path(path), 256)


def raster(path: str) -> None:
    """Read a raster of heights."""
    from datasets.radio.site_window import building_heights
    from tests.datasets.radio.drives import WINDOW

    building_heights(Path(path), WINDOW)


def drive(path: str) -> None:
    """Read the rows of a drive test."""
    from datasets.radio.log_rows import Columns, read_rows

    read_rows([Path(path)], Columns(), most=LIMIT)


def section(path: str) -> None:
    """Read a velocity section."""
    from datasets.seismic.section import read_section

    read_section(Path(path), (10.0, 10.0), None, LIMIT)


READERS: dict[str, Callable[[str], None]] = {
    "generic": generic,
    "records": records,
    "inputs": inputs,
    "buildings": buildings,
    "grey": grey,
    "raster": raster,
    "drive": drive,
    "section": section,
    "models": lambda path: recipe("seismic/models", path, most_bytes=LIMIT),
    "segy": lambda path: recipe("seismic/segy", path),
    "csv": lambda path: recipe("uav/csv", path, most_bytes=LIMIT),
    "tum": lambda path: recipe("uav/tum", path, most_bytes=LIMIT),
    "bag": lambda path: recipe("uav/rosbag", path, most_bytes=LIMIT),
    "ulog": lambda path: recipe("uav/ulog", path),
}


def answers(folder: str, readers: dict[str, str]) -> str:
    """Read the hostile files that the folder of each name points to; return what was said of each."""
    from surrogates.cli.main import _is_users_mistake, _one_line

    def stop(*_: object) -> None:
        raise InterruptedError(f"more than {WORKED} s of work, or {WAITED} s of waiting")

    signal.signal(signal.SIGALRM, stop)
    signal.signal(signal.SIGPROF, stop)
    tempfile.tempdir = folder
    found = {}
    for name, reader in readers.items():
        target = Path(folder, name, "path.txt").read_text(encoding="utf-8")
        said = ""
        signal.setitimer(signal.ITIMER_REAL, WAITED)
        signal.setitimer(signal.ITIMER_PROF, WORKED)
        try:
            READERS[reader](target)
        except InterruptedError as error:
            said = f"Traceback: {error}"
        except MemoryError as error:
            said = f"Traceback: {error!r}"
        except Exception as error:
            said = _one_line(error) if _is_users_mistake(error) else f"Traceback: {error!r}"
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.setitimer(signal.ITIMER_PROF, 0)
        found[name] = said
    return json.dumps(found)
