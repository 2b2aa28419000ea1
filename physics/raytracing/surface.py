"""The surface on which received power is counted, and the maps that count it.

Sionna RT counts power either on a plane or on the triangles of a mesh. Two things are changed here:

* On a mesh, version 2.2 loses every diffracted path that meets the surface more than a metre from the edge
  (its visibility ray has unit length). So a surface over hills takes the way of the plane through the solver,
  which is right, and answers for itself where a ray crosses it.
* Each transmit pattern keeps a map of its own, so that one trace serves several antennas.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from physics.raytracing.scenes import Scene, Window

FLAT = 1e-3  # m; ground that varies less is a plane


class Surface:
    """A measurement surface at one height above the ground of a window.

    Parameters
    ----------
    scene : Scene
        Where the ground comes from.
    window : Window
        The cells.
    height : float
        Height above the ground, m.
    """

    def __init__(self, scene: Scene, window: Window, height: float) -> None:
        corners = np.arange(window.cells + 1, dtype=np.float64) * window.cell
        x, y = np.meshgrid(window.west + corners, window.south + corners)
        self.window = window
        self.corners = np.stack([x, y, scene.terrain_altitude(x, y) + height], axis=-1)
        self.is_flat = bool(np.ptp(self.corners[..., 2]) < FLAT)

    def plane(self) -> dict[str, Any]:
        """Arguments of Sionna's solver for the plane through a flat surface (ignored on hills)."""
        import mitsuba as mi  # only after the backend is chosen

        window, half = self.window, self.window.size / 2.0
        centre = (window.west + half, window.south + half, float(self.corners[0, 0, 2]))
        return {
            "center": mi.Point3f(*map(float, centre)),
            "orientation": mi.Point3f(0.0, 0.0, 0.0),
            "size": mi.Point2f(float(window.size), float(window.size)),
            "cell_size": mi.Point2f(float(window.cell), float(window.cell)),
        }

    def map_class(self) -> type:
        """The class of radio map that counts power on this surface."""
        flat_map, mesh_map = _map_classes()
        return flat_map if self.is_flat else functools.partial(_bind, mesh_map)(self.mesh())

    def mesh(self) -> Any:
        """Two triangles per cell: south-east, then north-west of the diagonal."""
        import mitsuba as mi

        sheet = _sheet(self.window.cells)
        parameters = mi.traverse(sheet.alone)
        parameters["measurement.vertex_positions"] = mi.Float(self.corners.astype(np.float32).ravel())
        parameters.update()
        return sheet

    def cell_mean(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Mean over each cell of what was counted, (..., ny, nx); triangles weigh by their area."""
        cells = self.window.cells
        if self.is_flat:
            return values.reshape(*values.shape[:-2], cells, cells).astype(np.float64)
        area = self._triangle_areas()
        return (values.reshape(*values.shape[:-1], cells, cells, 2) * area).sum(-1) / area.sum(-1)

    def _triangle_areas(self) -> NDArray[np.float64]:
        south_west, south_east = self.corners[:-1, :-1], self.corners[:-1, 1:]
        north_west, north_east = self.corners[1:, :-1], self.corners[1:, 1:]
        diagonal = north_east - south_west
        sides = np.stack([south_east - south_west, north_west - south_west], axis=2)
        return 0.5 * np.linalg.norm(np.cross(sides, diagonal[:, :, None]), axis=-1)


@contextmanager
def counted_by(map_class: type) -> Iterator[None]:
    """Let Sionna's solver count power with `map_class` instead of its map of a plane."""
    from sionna.rt.radio_map_solvers import radio_map_solver as module

    original = module.PlanarRadioMap
    module.PlanarRadioMap = map_class
    try:
        yield
    finally:
        module.PlanarRadioMap = original


def _bind(mesh_map: type, mesh: Any) -> type:
    """The map of one mesh, constructed with the arguments of a map of a plane."""

    def __init__(self: Any, scene: Any, *plane: object) -> None:
        mesh_map.__init__(self, scene, mesh)  # type: ignore[misc]

    return type("TerrainMap", (mesh_map,), {"__init__": __init__})


@functools.cache
def _map_classes() -> tuple[type, type]:
    """Sionna's maps of a plane and of a mesh, with one map per transmit pattern in `pattern_gains`."""
    import drjit as dr
    import mitsuba as mi
    from sionna.rt import MeshRadioMap, PlanarRadioMap

    class PerPattern:
        _pathgain_map: Any

        def __init__(self, scene: Any, *arguments: Any) -> None:
            super().__init__(scene, *arguments)  # type: ignore[call-arg]
            shape = self._pathgain_map.shape
            patterns = scene.tx_array.antenna_pattern.patterns
            self.pattern_gains = [dr.zeros(mi.TensorXf, shape) for _ in patterns]

        def add_paths(self, e_fields: Any, array_w: Any, *path: Any, **more: Any) -> None:
            for gains, field, weight in zip(self.pattern_gains, e_fields, array_w, strict=True):
                self._pathgain_map = gains
                super().add_paths([field], [weight], *path, **more)  # type: ignore[misc]

    class FlatMap(PerPattern, PlanarRadioMap):
        def __init__(self, scene: Any, *plane: Any) -> None:
            super().__init__(scene, *plane)
            # If the window's location were a constant, every window's kernels would be compiled anew.
            dr.make_opaque(self._center, self._size, self._cell_size, self._orientation)
            rectangle = mi.traverse(self._meas_plane)
            to_world = rectangle["to_world"]
            dr.make_opaque(to_world)
            rectangle["to_world"] = to_world
            rectangle.update()

    class MeshMap(PerPattern, MeshRadioMap):
        pass

    return FlatMap, MeshMap


@functools.lru_cache(maxsize=2)
def _sheet(cells: int) -> Any:
    """Return a mesh outside every scene that intersects rays itself; its corners are set for each window.

    One mesh serves all windows: a new one would have a new number, a constant of the kernels, which would be
    compiled anew.
    """
    import mitsuba as mi

    class Sheet(mi.Mesh):
        alone: Any

        def ray_intersect(self, ray: Any, *_: Any, active: Any = True) -> Any:
            flags = int(mi.RayFlags.All)
            return self.alone.ray_intersect(ray, ray_flags=flags, coherent=False, active=active)

    faces = _faces(cells)
    mesh = Sheet("measurement", (cells + 1) ** 2, len(faces))
    x, y = np.meshgrid(np.arange(cells + 1.0), np.arange(cells + 1.0))
    parameters = mi.traverse(mesh)
    parameters["vertex_positions"] = mi.Float(np.stack([x, y, 0 * x], axis=-1).astype(np.float32).ravel())
    parameters["faces"] = mi.UInt(faces.astype(np.uint32).ravel())
    parameters.update()
    mesh.alone = mi.load_dict({"type": "scene", "measurement": mesh})
    return mesh


def _faces(cells: int) -> NDArray[np.intp]:
    """Corner numbers of the triangles, cell by cell."""
    row, column = np.divmod(np.arange(cells * cells), cells)
    south_west = row * (cells + 1) + column
    north_west = south_west + cells + 1
    lower = np.stack([south_west, south_west + 1, north_west + 1], axis=-1)
    upper = np.stack([south_west, north_west + 1, north_west], axis=-1)
    return np.stack([lower, upper], axis=1).reshape(-1, 3)
