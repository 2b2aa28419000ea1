"""Changed manifests, metadata and heads of files end in a user's error or are read: no traceback, no hang."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.datasets.radio.maps import degrees, square
from tests.datasets.seismic.files import spread, write_segy
from tests.datasets.uav.logs import OF_ROS1, write_bag1, write_ulog
from tests.datasets.uav.test_rosbag import flown
from tests.hostile import files, fuzz
from tests.hostile.attempt import attempt

FEW, MANY = 25, 10_000


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


def check(work: Callable[..., int], *arguments: object, folder: Path, examples: int) -> None:
    found = attempt(work, *arguments, examples, folder=folder, seconds=20 + 0.2 * examples)
    assert (found.kind, found.error, found.forbidden) == ("", "", []), found
    assert found.megabytes < 1024


def picture(folder: Path) -> Path:
    Image.fromarray(np.arange(65536, dtype=np.uint8).reshape(256, 256)).save(folder / "a.png")
    return folder / "a.png"


def drive_test(folder: Path) -> Path:
    (folder / "a.csv").write_text("latitude,longitude,rsrp\n" + "48.1,11.5,-90\n" * 20, encoding="utf-8")
    return folder / "a.csv"


DAMAGED = {
    "hdf5": ("generic", files.ARRAYS["hdf5 that is sound"].make, 2048),
    "npz": ("generic", files.npz({"u.npy": files.of_zeros(2)}), 400),
    "geojson": ("buildings", files.footprints(files.collection()), 400),
    "osm": ("buildings", files.osm(files.OSM), 600),
    "osm, odd": ("buildings", files.osm(files.OSM.replace('id="9"', 'id="-9"')), 600),
    "png": ("grey", picture, 80),
    "csv": ("csv", files.write("a.csv", files.FLIGHT.encode()), 200),
    "tum": ("tum", files.write("a.txt", files.FLIGHT.encode()[19:].replace(b",", b" ")), 200),
    "tar": ("csv", files.tar("a.tar", (files.info("a.csv"), files.FLIGHT.encode())), 512),
    "drive test": ("drive", drive_test, 100),
    "bag of ROS 1": ("bag", lambda folder: write_bag1(folder / "a.bag", flown(OF_ROS1)), 6000),
    "bag of ROS 2": ("bag", files.bag2(lambda path: next(path.glob("*.db3"))), 8192),
    "mcap": ("bag", files.bag2(lambda path: next(path.glob("*.mcap")), "MCAP"), 4096),
}
"""Who reads the file, what makes it, and how many of its first bytes are changed."""


@pytest.mark.parametrize("examples", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
class TestFuzz:
    def test_manifest(self, bundle, examples):
        check(fuzz.manifests, str(bundle), folder=bundle.parent, examples=examples)

    def test_root_attributes(self, store, examples):
        check(fuzz.attributes, str(store), folder=store.parent, examples=examples)

    def test_shard_index(self, store, examples):
        check(fuzz.shards, str(store), folder=store.parent, examples=examples)

    def test_head_of_npy(self, tmp_path, examples):
        check(fuzz.arrays, npy(tmp_path), folder=tmp_path, examples=examples)

    def test_head_of_segy(self, tmp_path, examples):
        check(fuzz.imports, "seismic/segy", segy(tmp_path), 3840, folder=tmp_path, examples=examples)

    def test_head_of_ulog(self, tmp_path, examples):
        check(fuzz.imports, "uav/ulog", ulog(tmp_path), 400, folder=tmp_path, examples=examples)

    def test_geojson(self, tmp_path, examples):
        check(fuzz.footprints, geojson(tmp_path), folder=tmp_path, examples=examples)

    @pytest.mark.parametrize("kind", DAMAGED)
    def test_damaged_file(self, kind, tmp_path, examples):
        reader, make, head = DAMAGED[kind]
        check(fuzz.readings, reader, str(make(tmp_path)), head, folder=tmp_path, examples=examples)
