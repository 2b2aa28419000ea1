"""Recipe `radio/urban3d`: power, delays and directions of arrival on planes of height in city areas."""

from __future__ import annotations

import functools
from itertools import pairwise, product
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
import xarray as xr
from pydantic import Field, model_validator

from datasets.factory.mapping import SplitMapping
from datasets.factory.recipe import Arrays, Recipe
from datasets.radio.footprints import built_up
from datasets.radio.tracing import other_lattice
from datasets.radio.transmitters import Placing, in_scene, place_transmitters
from datasets.radio.urban import CityName
from datasets.radio.variables import SCENES, link_scalars, tables
from datasets.radio.volume_variables import planes_of, volume_specs, volumes_of
from datasets.radio.windows import Placed, share_counter
from datasets.store.specs import TRAIN, Split, VariableSpec
from datasets.store.streams import GROUP, stream
from physics.backend import describe, use_one_thread
from physics.raytracing.arrivals import Arrivals, stable, trace_arrivals
from physics.raytracing.dominant import dominant_paths
from physics.raytracing.paths import PathSettings
from physics.raytracing.scenes import CITIES, Window, load_city

Product = Literal["dominant_path", "reflection", "diffraction"]
RAYS = {"reflection": 10_000, "diffraction": 1_000_000}
"""Rays of a product by default: of reflected paths few are missed, of diffracted ones many even then."""
Height = Annotated[float, Field(gt=0, le=1000)]


class Urban3d(Recipe):
    """What arrives in areas of real cities on planes of height, one volume for each transmitter."""

    name: ClassVar[str] = "radio/urban3d"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Power, delays and directions of arrival in city areas"
    license: ClassVar[str] = "ODbL-1.0 (building geometry (c) OpenStreetMap contributors)"

    product: Product = Field(
        "reflection",
        description="Traced direct and reflected paths, diffracted ones too, or dominant paths without rays.",
    )
    cities: tuple[CityName, ...] = Field(
        ("munich", "florence", "san_francisco", "etoile"),
        min_length=1,
        max_length=4,
        description="Cities of the areas.",
    )
    areas: int = Field(30, ge=1, le=4096, description="Areas, which do not overlap.")
    transmitters_per_area: int = Field(4, ge=1, le=4096, description="Transmitters (records) of an area.")
    heights: tuple[Height, ...] = Field(
        (1.5, 5.0, 10.0, 20.0),
        min_length=1,
        max_length=256,
        description="Heights of the receivers above the local ground, ascending, m.",
    )
    window_size: float = Field(256.0, gt=0, le=1e5, description="Side of an area, m.")
    cell_size: float = Field(4.0, gt=0, le=1e4, description="Side of a cell, m.")
    built_share: float = Field(0.1, ge=0, lt=1, description="Least share of an area under buildings.")
    validation: float = Field(0.1, ge=0, lt=1, description="Share of the areas for validation.")
    test: float = Field(0.1, ge=0, lt=1, description="Share of the areas for the test.")
    frequency: float = Field(5.9e9, gt=1e8, le=1e11, description="Carrier frequency, Hz.")
    roof_radius: float = Field(
        25.0, ge=0, le=1e5, description="Transmitters stand over the highest roof within this distance, m."
    )
    clearance: tuple[float, float] = Field((2.0, 8.0), description="Range of heights over that roof, m.")
    spread: float = Field(
        0.8, ge=0, le=1, description="Share of the area's side, about its middle, where transmitters stand."
    )
    lowest: float = Field(
        5.0, ge=0, le=1000, description="Least height of a transmitter above the ground, m."
    )
    rays: int | None = Field(
        None, ge=1, le=1 << 30, description="Rays per transmitter; by default 10,000, diffraction 1,000,000."
    )
    depth: int = Field(3, ge=0, le=64, description="Largest number of reflections of a path.")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        cells = self.window_size / self.cell_size
        if abs(cells - round(cells)) > 1e-9:
            raise ValueError(
                f"window_size={self.window_size:g} is no multiple of cell_size={self.cell_size:g}"
            )
        if any(low >= high for low, high in pairwise(self.heights)):
            raise ValueError(f"heights={self.heights} do not ascend")
        if not 0 < self.clearance[0] <= self.clearance[1]:
            raise ValueError(
                f"clearance={self.clearance} must be a range of positive heights, the lower first"
            )
        if self.rays is not None and self.product == "dominant_path":
            raise ValueError(f"rays={self.rays}, but dominant paths have none; leave it out")
        SplitMapping(validation=self.validation, test=self.test)
        return self

    def prepare(self) -> None:
        self.windows()
        describe()

    def records(self) -> int:
        return self.areas * self.transmitters_per_area

    def specs(self) -> list[VariableSpec]:
        cells = round(self.window_size / self.cell_size)
        return volume_specs(len(self.heights), cells, self.window_size, SCENES)

    def shared(self) -> xr.Dataset:
        found = tables(self.windows(), self.window_size, self.cell_size).assign(link_scalars(self.frequency))
        return found.assign_coords(z=planes_of(self.heights))

    def splits(self) -> list[Split]:
        area, record = np.arange(self.records()) // self.transmitters_per_area, np.arange(self.records())
        divisions = (
            ("split", "area", area, "no area of the test is seen in training"),
            ("split_by_file", "none", record, "transmitters drawn one by one: areas of the test are seen"),
        )
        return [
            SplitMapping(validation=self.validation, test=self.test, keeps_whole=whole)
            .draw(name, groups, self.seed, number)
            .model_copy(update={"description": meaning})
            for number, (name, whole, groups, meaning) in enumerate(divisions)
        ]

    def windows(self) -> tuple[Placed, ...]:
        """Return the areas in the order of the records."""
        return place_areas(
            self.cities, self.seed, self.window_size, self.cell_size, self.built_share, self.areas
        )

    def software(self) -> dict[str, str]:
        return {"numpy": np.__version__} | describe()

    def simulate(self, indices: np.ndarray, rngs: list[np.random.Generator]) -> Arrays:
        use_one_thread()
        records = [self._record(*each) for each in zip(indices.tolist(), rngs, strict=True)]
        return {name: np.stack([record[name] for record in records]) for name in records[0]}

    def _record(self, index: int, rng: np.random.Generator) -> Arrays:
        area = index // self.transmitters_per_area
        placed = self.windows()[area]
        building, terrain = load_city(placed.city).heights(placed.window)
        placing = Placing("local_roof", self.roof_radius, self.clearance, self.spread, self.lowest)
        (position,) = place_transmitters(building, terrain, self.cell_size, placing, [rng])
        seeds = rng.integers(2**31, size=2).tolist()
        if self.product == "dominant_path":
            heights = np.array(self.heights)
            found, _ = dominant_paths(building, terrain, position, heights, self.cell_size, self.frequency)
            kept = found.reached
        else:
            found, kept = self._traced(placed, building, terrain, position, seeds)
        return {
            "building_height": building,
            "terrain_height": terrain,
            "transmitter_position": position,
            "area": np.int32(area),
            "city": np.int8(SCENES[placed.city]),
        } | volumes_of(found, kept)

    def _traced(
        self,
        placed: Placed,
        building: np.ndarray,
        terrain: np.ndarray,
        position: np.ndarray,
        seeds: list[int],
    ) -> tuple[Arrivals, np.ndarray]:
        """Return what arrives (z, y, x), and where it counts: after diffraction where two traces agree."""
        window, heights = placed.window, np.array(self.heights)[:, None, None]
        east, north = np.meshgrid(window.west + window.centres, window.south + window.centres)
        outdoor = building < heights
        receivers = np.stack(np.broadcast_arrays(east, north, terrain + heights), axis=-1)[outdoor]
        source = in_scene(position[None], terrain, window)[0]

        def trace(rays: int, seed: int) -> Arrivals:
            settings = PathSettings(self.frequency, rays, self.depth, self.product == "diffraction")
            return trace_arrivals(load_city(placed.city), source, receivers, settings, seed=seed)

        rays = self.rays or RAYS[self.product]
        found = trace(rays, seeds[0])
        kept = found.reached
        if self.product == "diffraction":
            kept = stable(found, trace(other_lattice(rays), seeds[1]))
        count = np.zeros(outdoor.shape, bool)
        count[outdoor] = kept
        return found.placed(outdoor), count


@functools.lru_cache(maxsize=16)
def place_areas(
    cities: tuple[str, ...], seed: int, size: float, cell: float, share: float, count: int
) -> tuple[Placed, ...]:
    """Draw areas from the squares that cities are divided into, which depend only on the arguments.

    Parameters
    ----------
    cities : tuple of str
        City scenes.
    seed : int
        Root of the draw.
    size, cell : float
        Side of areas and cells, m.
    share : float
        Least share of an area under buildings.
    count : int
        Number of areas.

    Raises
    ------
    ValueError
        If there are not so many.
    """
    squares = [placed for name in cities for placed in _squares(name, size, cell, share)]
    if len(squares) < count:
        raise ValueError(
            f"{', '.join(cities)} hold {len(squares)} areas of {size:g} m with {share:.0%} under buildings, "
            f"but areas={count} are asked for; ask for fewer or smaller ones, or for a smaller built_share"
        )
    drawn = stream(seed, GROUP, 2).permutation(len(squares))[:count]
    return tuple(squares[number] for number in drawn.tolist())


def _squares(name: str, size: float, cell: float, share: float) -> list[Placed]:
    """Return the squares of a city that are built up."""
    city = CITIES[name]
    built = share_counter(built_up(name), (city.west, city.south), size)
    columns, rows = int((city.east - city.west) // size), int((city.north - city.south) // size)
    corners = product(range(rows), range(columns))
    windows = [
        Window(city.west + column * size, city.south + row * size, size, cell) for row, column in corners
    ]
    return [Placed(name, window, TRAIN) for window in windows if built(window) >= share]
