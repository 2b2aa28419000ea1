"""Scenes that rays are traced in, windows in them, and height rasters of their geometry.

A scene is one of the cities that come with Sionna RT, or is extruded from footprints. All positions are
metres east (x) and north (y) of the scene's own origin; altitudes are metres above its datum. The cities of
Sionna RT are not georeferenced.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physics.backend import sionna

SKY = 2000.0  # metres; above everything in any scene
WALL = 0.1  # m, thickness of Sionna's own scenes; without refraction it changes nothing but reflection


@dataclass(frozen=True)
class City:
    """One city scene.

    Attributes
    ----------
    name : str
        Name of the scene in Sionna RT.
    west, south, east, north : float
        Area with known ground, m.
    terrain : str
        Name of the scene object that is the ground.
    """

    name: str
    west: float
    south: float
    east: float
    north: float
    terrain: str = "ground"

    @property
    def area(self) -> float:
        """Area with known ground, m2."""
        return (self.east - self.west) * (self.north - self.south)


CITIES = {
    city.name: city
    for city in (
        City("munich", -805.0, -688.0, 669.0, 516.0),
        City("etoile", -426.0, -338.0, 426.0, 338.0, terrain="Plane"),
        City("florence", -478.0, -549.0, 521.0, 549.0),
        City("san_francisco", -507.0, -467.0, 712.0, 459.0, terrain="Terrain"),
    )
}


def city(name: str) -> City:
    """The city scene of that name.

    Raises
    ------
    ValueError
        If there is none.
    """
    if name not in CITIES:
        raise ValueError(f"no city scene is called '{name}'; there are {', '.join(CITIES)}")
    return CITIES[name]


@dataclass(frozen=True)
class Window:
    """A square grid of square cells; rows ascend northwards.

    Attributes
    ----------
    west, south : float
        South-west corner in scene coordinates, m.
    size, cell : float
        Side of the window and of a cell, m; ``size`` is a multiple of ``cell``.
    """

    west: float
    south: float
    size: float = 512.0
    cell: float = 4.0

    @property
    def cells(self) -> int:
        """Cells along one side."""
        return round(self.size / self.cell)

    @property
    def centres(self) -> NDArray[np.float64]:
        """Distance of the cell centres from the south or west edge, m."""
        return (np.arange(self.cells, dtype=np.float64) + 0.5) * self.cell

    def check_inside(self, name: str) -> None:
        """Raise a ValueError unless the window lies inside the city ``name``."""
        area = city(name)
        inside = (
            area.west <= self.west
            and area.south <= self.south
            and self.west + self.size <= area.east
            and self.south + self.size <= area.north
        )
        if not inside:
            raise ValueError(
                f"the window from ({self.west:g}, {self.south:g}) m with side {self.size:g} m lies outside "
                f"the scene '{name}', which reaches from ({area.west:g}, {area.south:g}) to "
                f"({area.east:g}, {area.north:g}) m"
            )

    def overlaps(self, other: Window) -> bool:
        """Whether the two windows share ground."""
        return (
            self.west < other.west + other.size
            and other.west < self.west + self.size
            and self.south < other.south + other.size
            and other.south < self.south + self.size
        )


class Scene:
    """Geometry that rays are traced in: a Sionna RT scene, and which of its objects is the ground.

    Parameters
    ----------
    radio : sionna.rt.Scene
        The scene.
    terrain : tuple of str
        Names of the objects that are the ground; all others are buildings.
    """

    def __init__(self, radio: Any, terrain: tuple[str, ...]) -> None:
        missing = sorted(set(terrain) - set(radio.objects))
        if missing:
            raise ValueError(f"the scene has no object {missing}; its objects are {sorted(radio.objects)}")
        self.radio = radio
        self._terrain = terrain

    @functools.cached_property
    def _ground(self) -> Any:
        """Only the ground, built on first use: as slow as the scene itself."""
        return _shapes([item.mi_mesh for name, item in self.radio.objects.items() if name in self._terrain])

    @functools.cached_property
    def _buildings(self) -> Any:
        return _shapes(
            [item.mi_mesh for name, item in self.radio.objects.items() if name not in self._terrain]
        )

    def terrain_altitude(self, x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.float64]:
        """Altitude of the ground at points (same shape as `x`), m; NaN where there is none."""
        return _highest(self._ground, x, y)

    def surface_altitude(self, x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.float64]:
        """Altitude of the highest roof over points, m; NaN where no building stands."""
        return _highest(self._buildings, x, y)

    def heights(self, window: Window) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Height rasters of a window, sampled at the cell centres.

        Returns
        -------
        building_height, terrain_height : array (ny, nx) of float32
            Height of the highest roof above the local ground (0 where no building covers the cell's centre),
            and altitude of the ground, m.
        """
        x, y = np.meshgrid(window.west + window.centres, window.south + window.centres)
        terrain = self.terrain_altitude(x, y)
        building = np.maximum(np.nan_to_num(self.surface_altitude(x, y) - terrain, nan=0.0), 0.0)
        return building.astype(np.float32), terrain.astype(np.float32)


@functools.lru_cache(maxsize=1)
def load_city(name: str) -> Scene:
    """Load a city scene; objects of one material are merged, which traces faster."""
    rt = sionna()
    return Scene(rt.load_scene(getattr(rt.scene, city(name).name), merge_shapes=True), (city(name).terrain,))


def extruded_scene(
    polygons: NDArray[Any],
    top: NDArray[Any],
    bottom: NDArray[Any] | None = None,
    *,
    area: tuple[float, float, float, float],
    materials: tuple[str, str] = ("concrete", "concrete"),
) -> Scene:
    """Make a scene of footprints on flat ground at altitude 0.

    Coordinates become single precision: keep the origin near the buildings.

    Parameters
    ----------
    polygons : array (n,) of shapely.Polygon
        Valid footprints, m; courtyards are kept.
    top, bottom : array (n,)
        Height of roofs and floors above the ground, m; floors at 0 by default.
    area : tuple of float
        West, south, east and north edge of the ground, m.
    materials : tuple of str
        ITU materials of the buildings and of the ground.
    """
    from physics.raytracing.extrusion import extrude

    west, south, east, north = area
    corners = np.array([[west, south, 0.0], [east, south, 0.0], [east, north, 0.0], [west, north, 0.0]])
    meshes = {"ground": (materials[1], corners, np.array([[0, 1, 2], [0, 2, 3]]))}
    if len(polygons):  # a mesh without triangles is refused
        meshes["buildings"] = (materials[0], *extrude(polygons, top, bottom))
    rt = sionna()
    radio = rt.load_scene()
    radio.edit(
        add=[
            rt.SceneObject(
                mi_mesh=_mesh(name, vertices, faces),
                name=name,
                radio_material=rt.ITURadioMaterial(f"material-{name}", material, WALL),
            )
            for name, (material, vertices, faces) in meshes.items()
        ]
    )
    return Scene(radio, ("ground",))


def point(values: Any) -> Any:
    """Return three numbers as a Mitsuba point that kernels read as data.

    As constants they would have kernels compiled anew, and kept, for each position.
    """
    import drjit as dr
    import mitsuba as mi  # only after the backend is chosen

    found = mi.Point3f(*(float(value) for value in values))  # NumPy's floats are refused
    dr.make_opaque(found)
    return found


def _mesh(name: str, vertices: NDArray[Any], faces: NDArray[Any]) -> Any:
    """A Mitsuba mesh with flat faces."""
    import mitsuba as mi  # only after the backend is chosen

    properties = mi.Properties()
    properties["face_normals"] = True
    mesh = mi.Mesh(name, len(vertices), len(faces), props=properties)
    parameters = mi.traverse(mesh)
    parameters["vertex_positions"] = mi.Float(np.ascontiguousarray(vertices, np.float32).ravel())
    parameters["faces"] = mi.UInt(np.ascontiguousarray(faces, np.uint32).ravel())
    parameters.update()
    return mesh


def _shapes(meshes: list[Any]) -> Any:
    """Return a Mitsuba scene of only these meshes, or None without any."""
    import mitsuba as mi  # only after the backend is chosen

    if not meshes:
        return None
    return mi.load_dict({"type": "scene"} | {f"mesh-{index}": mesh for index, mesh in enumerate(meshes)})


def _highest(shapes: Any, x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.float64]:
    """Altitude where vertical rays from the sky first hit the shapes, NaN where they hit nothing."""
    import mitsuba as mi

    x, y = np.broadcast_arrays(np.asarray(x, np.float32), np.asarray(y, np.float32))
    if shapes is None:
        return np.full(x.shape, np.nan)
    origin = mi.Point3f(x.ravel(), y.ravel(), np.full(x.size, SKY, np.float32))
    hit = shapes.ray_intersect_preliminary(mi.Ray3f(origin, mi.Vector3f(0.0, 0.0, -1.0)), coherent=True)
    distance, valid = np.array(hit.t, np.float64), np.array(hit.is_valid())
    return np.where(valid, SKY - distance, np.nan).reshape(x.shape)
