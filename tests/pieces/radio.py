"""Small examples of the pieces of radio maps: a wall on 32 by 32 cells of four metres."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from PIL import Image

from datasets.radio.site_window import SiteWindow
from datasets.radio.variables import SCENES, axes, link_scalars, record_specs
from datasets.store.specs import DECIBEL_MILLIWATT, VariableSpec
from surrogates.data.batch import Batch
from surrogates.evaluation.evaluate import Target
from surrogates.learning.context import Context
from surrogates.learning.contract import Preparation
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig
from surrogates.learning.transform import Transform
from surrogates.report.pictures import Examples
from tests.datasets.radio.maps import OsmMap, square, to_grey
from tests.pieces.examples import Given, known
from tests.pieces.radio_volumes import (
    QUANTITIES,
    volume_baseline,
    volume_preparation,
    volume_slices,
    volume_transform,
)

CELLS, CELL = 32, 4.0
SMOOTH = ("transmitter_position", "transmitter_azimuth")
"""Heights have kinks where a wall begins, samples where none is known."""
GEOMETRY = ("building_height", "terrain_height", "transmitter_position")
FIRST_STAGE = {"iso": {"network": {"name": "mlp", "width": 4, "depth": 1}}}
TRACED = {
    "transmitters_per_window": 2,
    "window_size": 64.0,
    "rays": 5_000,
    "rays_test": 5_000,
    "depth": 1,
    "diffraction": False,
    "repeat_share": 0.0,
}
"""As few rays as still reach the cells next to a transmitter."""


def specs() -> dict[str, VariableSpec]:
    """Variables of a store, with drawn samples and a measured map beside them."""
    found = {spec.name: spec for spec in record_specs(CELLS, CELLS * CELL)}
    for name in ("radio/samples", "radio/link_budget"):
        piece = Preparation.build({"name": name}, context())
        found |= {spec.name: spec for spec in piece.provides(found)}
    rsrp = found["path_gain"].model_copy(update={"name": "rsrp", "units": DECIBEL_MILLIWATT})
    return found | {"rsrp": rsrp, "rsrp_samples": rsrp.model_copy(update={"name": "rsrp_samples"})}


def context(*targets: str, inputs: tuple[str, ...] = (), mask: str | None = None) -> Context:
    """A context of some variables, on the axes and with the numbers of the link that a store has."""
    places = axes(CELLS, CELL).assign(link_scalars(3.66e9, 2.0))
    shared = {str(name): places[name] for name in places.variables}
    if not targets:
        return Context.of((), (), shared=shared)
    known_specs = specs()
    chosen = [[known_specs[name] for name in names] for names in (inputs, targets)]
    return Context.of(*chosen, known_specs[mask] if mask else None, shared=shared, specs=known_specs)


def batch(seed: int = 0, count: int = 3) -> Batch:
    """Maps about a wall 20 m high, of gains that fall with the row; a corner has none."""
    rng = torch.Generator().manual_seed(seed)
    height = torch.zeros(count, CELLS, CELLS)
    height[:, 16:18, 8:24] = 20.0
    gain = (
        -80.0 - torch.arange(CELLS).float()[None, :, None] + torch.randn(count, CELLS, CELLS, generator=rng)
    )
    gain[:, 30:, :4] = torch.nan
    position = torch.tensor([61.0, 31.0, 12.0]) + torch.rand(count, 3, generator=rng) * torch.tensor(
        [9.0, 9.0, 5.0]
    )
    made = {
        "building_height": height,
        "terrain_height": torch.zeros_like(height),
        "transmitter_position": position,
        "transmitter_azimuth": torch.rand(count, generator=rng) * 6.0,
        "path_gain": gain,
        "path_gain_directional": gain + 3.0,
        "rsrp": gain + 40.0,
    }
    rngs = [np.random.default_rng([seed, number]) for number in range(count)]
    for node in ({"name": "radio/samples", "count": 40}, {"name": "radio/link_budget"}):
        made = Preparation.build(node, context())(made, rngs, train=False)
    given = made["path_gain_samples"].isfinite()
    return made | {"rsrp_samples": made["rsrp"].where(given, torch.nan)}


def transform(name: str, target: str, *more: str, **arguments: Any) -> Any:
    """An example of a transform of geometry and some more inputs."""
    piece = {"name": name, **arguments}
    inputs = (*GEOMETRY, *more)
    return lambda _: {
        "piece": piece,
        "context": context(target, inputs=inputs),
        "batch": batch(),
        "smooth": SMOOTH,
    }


def prepared(piece: str | Given, *changes: str, off: Given | None = None) -> Any:
    """An example of a preparation of maps as a store has them, or with measurements where it needs them."""
    measured = ["rsrp"] if "hold_out" in str(piece) else []
    targets = ["path_gain", "path_gain_directional", *measured]
    known_context = context(*targets, inputs=(*GEOMETRY, "transmitter_azimuth"))
    made = batch()
    slope = torch.arange(CELLS).float().expand_as(made["terrain_height"])
    given = {name: made[name] for name in (*known_context.input_names, *targets)} | {"terrain_height": slope}
    return known(piece=piece, context=known_context, batch=given, changes=changes, off=off)


def baseline(target: str = "path_gain_directional", **arguments: Any) -> Any:
    """An example of a baseline that sees geometry and samples; training maps are without gaps."""
    inputs = (*GEOMETRY, "transmitter_azimuth", "path_gain_samples")
    return lambda _: {"context": context(target, inputs=inputs), "batches": [batch(1), batch()], **arguments}


def ray_tracer(_: Path) -> Given:
    """Two maps in the smallest city, with the tables of a store."""
    made, count = batch(count=2), {"dims": ("sample",), "shape": (), "dtype": "int64"}
    corners = {f"window_{side}": torch.tensor([0.0]) for side in ("west", "south")}
    labels = {"city": torch.full((2,), SCENES["etoile"]), "window": torch.zeros(2, dtype=torch.int64)}
    more = {name: VariableSpec(name=name, **count) for name in labels}
    more |= {name: VariableSpec(name=name, dims=("windows",), shape=(1,), units="m") for name in corners}
    known_context = context("path_gain", inputs=GEOMETRY)
    return {
        "piece": {"name": "radio/ray_tracer", "rays": 1000, "depth": 1},
        "context": replace(known_context, specs={**known_context.specs, **more}),
        "batches": [made | labels | corners],
    }


def sector() -> Context:
    """A measured sector."""
    inputs = (*GEOMETRY, "transmitter_azimuth", "rsrp_samples")
    return context("rsrp", inputs=inputs, mask="scored")


def sector_channels() -> torch.Tensor:
    """Channels of a measured sector on 12 by 12 cells."""
    made: Transform = Transform.build({"name": "radio/sector", **FIRST_STAGE}, sector())
    with torch.no_grad():
        return made(batch(count=2)).tensor[..., 6:18, 6:18]


def pipeline(known_context: Context, node: dict[str, Any], network: dict[str, Any], head: str) -> Pipeline:
    """A pipeline with first weights."""
    torch.manual_seed(0)
    config = PipelineConfig(
        inputs=list(known_context.inputs),
        targets=list(known_context.targets),
        transform=node,
        network=network,
        head={"name": head},
    )
    return Pipeline(config, known_context)


def likelihood(_: Path) -> Given:
    """The process of a sector; the loss draws its cells anew for every batch."""
    node, network = {"name": "radio/sector", **FIRST_STAGE}, {"name": "radio/sector_process"}
    return {
        "piece": {"name": "radio/process_likelihood", "cells": CELLS * CELLS},
        "pipeline": pipeline(sector(), node, network, "gaussian"),
        "batch": batch(count=2),
    }


def unknown_buildings(_: Path) -> Given:
    """The process of a sector on three maps, of which two have no building."""
    node, network = {"name": "radio/sector", **FIRST_STAGE}, {"name": "radio/sector_process"}
    given = batch()
    given["building_height"][:2] = 0.0
    return {"pipeline": pipeline(sector(), node, network, "gaussian"), "batch": given}


def published_loss(_: Path) -> Given:
    """The published loss, which counts every cell; without a ray as the floor."""
    known_context, network = context("path_gain", inputs=GEOMETRY), {"name": "mlp", "width": 4, "depth": 1}
    made = pipeline(known_context, {"name": "radio/physics"}, network, "point")
    made.fit_normalisers([batch()])
    return {"pipeline": made, "batch": batch()}


def examples() -> Examples:
    """Three maps with samples, and two methods of which one tells its deviation."""
    given, known_specs = batch(), specs()
    fields = {name: (known_specs[name].dims, value.numpy()) for name, value in given.items()}
    data = axes(CELLS, CELL).assign(fields)
    truth = data[["path_gain_directional", "rsrp"]]
    model = truth.fillna(-100.0) + 2.0
    for name in ("path_gain_directional", "rsrp"):
        model[f"{name}_standard_deviation"] = xr.full_like(model[name], 3.0)
    return Examples(data, {"model": model, "mean": truth.fillna(-100.0) - 1.0}, [], "sample")


def drawn(target: str) -> Any:
    """An example of a plot of one target."""

    def example(_: Path) -> Given:
        made, known_specs = examples(), specs()
        targets = [Target(known_specs[target], known_specs["scored"], -140.0)]
        return {"examples": Examples(made.data, made.predictions, targets, "sample")}

    return example


def urban(_: Path) -> Given:
    """Two windows in the smallest city."""
    return TRACED | {
        "cities": ["etoile"],
        "test_cities": [],
        "samples": 4,
        "test_samples": 0,
        "validation_share": 0.5,
        "window_size": 128.0,
    }


def urban3d(_: Path) -> Given:
    """Four volumes of dominant paths in two areas of the smallest city; tracing is tested apart."""
    return {
        "product": "dominant_path",
        "cities": ["etoile"],
        "areas": 2,
        "transmitters_per_area": 2,
        "heights": [1.5, 10.0],
        "window_size": 64.0,
        "validation": 0.0,
        "test": 0.5,
    }


def osm(folder: Path) -> Given:
    """Two windows of a street of five blocks."""
    drawing = OsmMap()
    for number in range(5):
        drawing.way(square(70.0 * number, 0, 40), {"building": "yes", "building:levels": "4"})
        drawing.way(square(70.0 * number, 50, 14), {"building": "house", "height": "6 m"})
    path = drawing.write(folder / "street.osm")
    return TRACED | {"osm_file": str(path), "samples": 4, "clearance": (2.0, 3.0)}


def drive_test(folder: Path) -> Given:
    """A walk with two phones past two antennas."""
    corner = (48.137, 11.575)
    place = SiteWindow.at(corner, None, 128.0, 4.0, northern=False)

    def degrees(east: float, north: float) -> tuple[float, float]:
        longitude, latitude = place._transformer.transform(
            place.west + east, place.south + north, direction="INVERSE"
        )
        return float(latitude), float(longitude)

    lines = ["latitude,longitude,rsrp,cell,device"]
    for cell in "AB":
        for device in ("Pixel", "Samsung"):
            for step in range(20):
                latitude, longitude = degrees(5.0 + 4.0 * step, 42.0)
                lines.append(f"{latitude:.9f},{longitude:.9f},{-80 - step},{cell},{device}")
    (folder / "walk.csv").write_text("\n".join(lines) + "\n")
    np.save(folder / "heights.npy", np.zeros((CELLS, CELLS)))
    latitude, longitude = degrees(60.0, 70.0)
    antenna = {"latitude": latitude, "longitude": longitude, "height": 20.0, "frequency_hz": "3.5e9"}
    return {
        "site": "Marienplatz",
        "south_west": corner,
        "window_size": 128,
        "columns": {"cell": "cell", "device": "device"},
        "cells": {"A": antenna | {"azimuth_deg": 30.0}, "B": antenna | {"azimuth_deg": 210.0}},
        "measurements": str(folder / "walk.csv"),
        "buildings": str(folder / "heights.npy"),
    }


def write(path: Path, grey: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.ascontiguousarray(grey.astype(np.uint8))).save(path)


def radiomapseer(folder: Path) -> Given:
    """Ten areas of two transmitters over open ground: two units."""
    rows, columns = np.mgrid[:256, :256]
    for area in range(10):
        write(folder / f"png/buildings_complete/{area}.png", np.zeros((256, 256)))
        for transmitter in range(2):
            row, column = 100 + area, 200 - 10 * transmitter
            gain = -50.0 - 20 * np.log10(np.hypot(rows - row, columns - column) + 1)
            write(folder / f"gain/DPM/{area}_{transmitter}.png", to_grey(gain, -147, -47))
            mark = np.zeros((256, 256))
            mark[row, column] = 255
            write(folder / f"png/antennas/{area}_{transmitter}.png", mark)
    return {"folder": str(folder)}


def urbanradio3d(folder: Path) -> Given:
    """Ten areas at one height: two units."""
    north, east = np.mgrid[:256, :256]
    for area in range(10):
        distance = np.hypot(north - 100, east - 60 - area)
        azimuth = np.mod(np.arctan2(100 - north, 60 + area - east), 2 * np.pi)
        maps = {
            "pathLoss": to_grey(-92 - 20 * np.log10(distance + 1), -169.0, -92.0).T,
            "ToA": to_grey(distance / 299_792_458.0, 0.0, 1180e-9),
            "Doa_Azi": to_grey(azimuth, 0.0, 6.3),
        }
        for name, grey in maps.items():
            write(folder / name / "h1" / f"{area}_{60 + area}_{100}.png", grey[::-1])
    return {"folder": str(folder), "heights": 1}


EXAMPLES = {
    "recipes": {
        "radio/urban": lambda folder: {"parameters": urban(folder), "workers": []},
        "radio/urban3d": lambda folder: {"parameters": urban3d(folder), "workers": []},
        "radio/osm": lambda folder: {"parameters": osm(folder), "workers": []},
        "radio/drive_test": lambda folder: {"parameters": drive_test(folder), "source": "measurements"},
        "radio/radiomapseer": lambda folder: {"parameters": radiomapseer(folder)},
        "radio/urbanradio3d": lambda folder: {"parameters": urbanradio3d(folder)},
    },
    "models": {
        "radio/sector_process": lambda _: {
            "inputs": sector_channels(),
            "answer": (2, 12, 12),
            "spreads_nan": False,
            "smooth": False,
        }
    },
    "transforms": {
        "radio/physics": transform("radio/physics", "path_gain"),
        "radio/geo2sigmap_iso": transform("radio/geo2sigmap_iso", "path_gain"),
        "radio/directional": transform(
            "radio/directional",
            "path_gain_directional",
            "transmitter_azimuth",
            "path_gain_samples",
            **FIRST_STAGE,
        ),
        "radio/geo2sigmap_directional": transform(
            "radio/geo2sigmap_directional", "path_gain_directional", "path_gain_samples", **FIRST_STAGE
        ),
        "radio/sector": transform(
            "radio/sector", "rsrp", "transmitter_azimuth", "rsrp_samples", **FIRST_STAGE
        ),
        "radio/volume": volume_transform("radio/volume"),
        "radio/radiodiff_3d": volume_transform("radio/radiodiff_3d", flat=True),
    },
    "preparations": {
        "radio/outdoor": prepared(
            {"name": "radio/outdoor", "weakest": -95.0}, "path_gain", off={"weakest": -1000.0}
        ),
        "radio/samples": prepared(
            {"name": "radio/samples", "count": 40, "weakest": -95.0},
            "path_gain_directional",
            off={"weakest": -1000.0},
        ),
        "radio/hold_out": prepared({"name": "radio/hold_out", "samples": 40}),
        "radio/link_budget": prepared("radio/link_budget", "path_gain_directional"),
        "radio/symmetry": prepared(
            "radio/symmetry", *GEOMETRY, "transmitter_azimuth", "path_gain", "path_gain_directional"
        ),
        "radio/campaign": prepared({"name": "radio/campaign", "walked": [20, 40]}),
        "radio/volume_samples": volume_preparation({"name": "radio/volume_samples", "share": 0.3}),
        "radio/volume_symmetry": volume_preparation(
            "radio/volume_symmetry", *GEOMETRY, *QUANTITIES, "stable"
        ),
    },
    "baselines": {
        "radio/ray_tracer": ray_tracer,
        "radio/direct_path": volume_baseline(samples=False),
        "radio/dominant_path": volume_baseline(samples=False),
        "radio/nearest_volume_samples": volume_baseline(samples=True),
        "radio/inverse_volume_distance": volume_baseline(samples=True),
        "radio/volume_kriging": volume_baseline(samples=True),
    },
    "predictors": {"radio/without_buildings": unknown_buildings},
    "objectives": {"radio/geo2sigmap": published_loss, "radio/process_likelihood": likelihood},
    "plots": {
        "radio/map": drawn("path_gain_directional"),
        "radio/site": drawn("rsrp"),
        "radio/volume": volume_slices,
    },
}

EVERY = {"baselines": baseline()}
