"""Changed manifests, metadata and heads of files end in a user's error or are read: no traceback, no hang."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.datasets.radio.maps import degrees, square
from tests.datasets.seismic.files import spread, write_segy
from tests.datasets.uav.logs import OF_ROS1, write_bag1, write_ulog
from tests.datasets.uav.test_rosbag import flown
from tests.hostile import array_files, case, files, fuzz, log_files
from tests.hostile.attempt import attempt
from tests.hostile.conftest import make_bundle
from tests.hostile.work import build

FEW, MANY = 20, 10_000
READ = 50
"""One in so many of many is read at least: a fuzz that never passes the first check tests nothing."""


def segy(folder: Path) -> str:
    sources, receivers = spread(np.array([0.0, 50.0]), 10.0 * np.arange(6))
    write_segy(folder / "line.sgy", np.ones((12, 20)), sources, receivers)
    return str(folder / "line.sgy")


def geojson(folder: Path) -> str:
    rings = [degrees([*square(100.0 * number, 0.0, 40.0), (100.0 * number, 0.0)]) for number in range(3)]
    features = [
        {
            "type": "Feature",
            "properties": {"building": "yes", "height": "12", "building:levels": 3},
            "geometry": {"type": "Polygon", "coordinates": [ring]},
        }
        for ring in rings
    ]
    path = folder / "town.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return str(path)


def ulog(folder: Path) -> str:
    rows = [(t, 2.0 * t, np.sin(t), -5.0) for t in np.arange(0.0, 6.0, 0.05)]
    return str(
        write_ulog(folder / "flight.ulg", {"vehicle_local_position": (dict.fromkeys("xyz", "float"), rows)})
    )


def npy(folder: Path) -> str:
    np.save(folder / "u.npy", np.arange(12.0).reshape(4, 3))
    return str(folder / "u.npy")


def picture(folder: Path) -> Path:
    about = PngInfo()
    about.add_text("title", "a town", zip=True)
    grey = np.arange(65536).astype(np.uint8).reshape(256, 256)
    Image.fromarray(grey).save(folder / "a.png", pnginfo=about, dpi=(72, 72))
    return folder / "a.png"


def drive_test(folder: Path) -> Path:
    (folder / "a.csv").write_text("latitude,longitude,rsrp\n" + "48.1,11.5,-90\n" * 20, encoding="utf-8")
    return folder / "a.csv"


def waves(folder: Path) -> str:
    build(str(folder / "w.zarr"))
    return str(folder / "w.zarr")


CHANGED: dict[str, Callable[[Path], tuple[Any, ...]]] = {
    "manifest": lambda folder: (fuzz.manifests, str(make_bundle(folder / "bundle"))),
    "root attributes": lambda folder: (fuzz.attributes, waves(folder)),
    "shard": lambda folder: (fuzz.shards, waves(folder)),
    "npy": lambda folder: (fuzz.arrays, npy(folder)),
    "geojson": lambda folder: (fuzz.footprints, geojson(folder)),
}
"""What makes the arguments of a fuzz: the function and what it changes."""
DAMAGED = {
    "segy": ("segy", segy, 3840),
    "ulog": ("ulog", ulog, 400),
    "hdf5": ("records", array_files.ARRAYS["hdf5 that is sound"].make, 2048),
    "npz": ("records", files.npz({"u.npy": files.of_zeros(2)}), 400),
    "geojson": ("buildings", files.footprints(files.collection()), 400),
    "osm": ("buildings", files.osm(files.OSM), 600),
    "osm, odd": ("buildings", files.osm(files.OSM.replace('id="9"', 'id="-9"')), 600),
    "png": ("grey", picture, 80),
    "csv": ("csv", case.write("a.csv", files.FLIGHT.encode()), 200),
    "tum": ("tum", case.write("a.txt", files.FLIGHT.encode()[19:].replace(b",", b" ")), 200),
    "tar": ("csv", files.tar("a.tar", (files.info("a.csv"), files.FLIGHT.encode())), 512),
    "drive test": ("drive", drive_test, 100),
    "bag of ROS 1": ("bag", lambda folder: write_bag1(folder / "a.bag", flown(OF_ROS1)), 6000),
    "bag of ROS 2": ("bag", log_files.bag2(lambda path: next(path.glob("*.db3"))), 8192),
    "mcap": ("bag", log_files.bag2(lambda path: next(path.glob("*.mcap")), "MCAP"), 4096),
}
"""Who reads the file, what makes it, and how many of its first bytes are changed."""


def made(kind: str, folder: Path) -> tuple[Any, ...]:
    folder.mkdir()
    if kind in CHANGED:
        return CHANGED[kind](folder)
    reader, make, head = DAMAGED[kind.removeprefix("damaged ")]
    return fuzz.readings, reader, str(make(folder)), head


ALL = [*CHANGED, *(f"damaged {kind}" for kind in DAMAGED)]


def counts(folder: Path, kinds: list[str], examples: int) -> dict[str, int]:
    """Read many inputs of some kinds in one watched child; return how many of each were read."""
    work = {kind: made(kind, folder / kind) for kind in kinds}
    seconds = 20 + 0.3 * examples * len(kinds)
    found = attempt(fuzz.each_of, work, examples, folder=folder, seconds=seconds)
    assert (found.kind, found.error, found.forbidden) == ("", "", []), found
    assert found.megabytes < 1024
    return dict(json.loads(found.output.splitlines()[-1]))


def test_a_few_of_each_kind(tmp_path):
    assert sum(counts(tmp_path, ALL, FEW).values()) > len(ALL)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ALL)
def test_many(kind, tmp_path):
    assert counts(tmp_path, [kind], MANY)[kind] > MANY // READ
