"""The families of velocity models: random models that are like OpenFWI's ten families, and one of salt.

OpenFWI's own generators were not released, and their parameters were not found. What is known is what the
families look like and the statistics of `datasets.seismic.published`. They tell more than they seem to:

- mean and standard deviation of FlatVel-B and CurveVel-B are those of a uniform distribution from 1500 to
  4500 m/s: velocities of layers are drawn from it one by one. Here all families take a beta distribution on
  that range with their published moments, which is uniform for these two;
- the standard deviation of the pressure follows from the velocity near the surface, where the direct waves
  run. Velocities that are sorted keep their distribution, but the more layers there are, the slower is the
  first. So the number of layers was chosen by the pressure, and for style the share of depth in the field;
- that of FlatFault-B and CurveFault-B is lower than sorted layers of the A families would give and far below
  that of a random order: more layers, whose velocities grow with depth all but strictly.

`benchmarks/claims/seismic/calibration.py` measures how well this holds. Lengths scale with the grid.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from datasets.seismic.faults import Fault, before_all
from datasets.seismic.fields import closed_body, gaussian_field, trended, velocities_of
from datasets.seismic.layers import Relief, draw_tops, draw_velocities, grid, layered
from datasets.seismic.published import PUBLISHED
from datasets.seismic.variables import FASTEST

Drawn = tuple[np.ndarray, dict[str, float]]
Family = Callable[[np.random.Generator, int, int], Drawn]


@dataclass(frozen=True)
class Layers:
    """A family of layered models.

    Calling it with a generator and the numbers of cells draws a velocity model (depths, laterals), float32 in
    m/s, and what was drawn: `layers`, `faults`, and `relief`, the amplitude of the interfaces in cells.

    Attributes
    ----------
    published
        The family whose mean and standard deviation of velocity are aimed at.
    layers, faults
        Least and largest number.
    disorder
        Disorder of the velocities over depth; see `datasets.seismic.layers.draw_velocities`.
    curved
        Whether interfaces follow a sine.
    narrowing
        Factor on the standard deviation of the distribution of velocities: faults shift points out of the
        model, where only the outermost layers are, so that these count more than the others.
    """

    published: str
    layers: tuple[int, int]
    faults: tuple[int, int] = (0, 0)
    disorder: float = 0.0
    curved: bool = False
    narrowing: float = 1.0

    def __call__(self, rng: np.random.Generator, depths: int = 70, laterals: int = 70) -> Drawn:
        target = PUBLISHED[self.published]
        count = int(rng.integers(*self.layers, endpoint=True))
        tops = draw_tops(rng, count, depths, thinnest=depths / 14)
        velocities = draw_velocities(
            rng, count, target.velocity_mean, self.narrowing * target.velocity_std, self.disorder
        )
        relief = Relief.draw(rng, count - 1, depths, laterals) if self.curved else Relief()
        slips = int(rng.integers(*self.faults, endpoint=True))
        faults = [Fault.draw(rng, depths, laterals) for _ in range(slips)]
        model = layered(before_all(grid(depths, laterals), faults), tops, relief, velocities)
        drawn = {"layers": count, "faults": slips, "relief": relief.amplitude}
        return model.astype(np.float32), drawn


def style_a(rng: np.random.Generator, depths: int = 70, laterals: int = 70) -> Drawn:
    """Draw a smooth model: a random field of 8 to 20 cells, and velocities that grow with depth."""
    target = PUBLISHED["style-a"]
    field = gaussian_field(rng, depths, laterals, rng.uniform(8.0, 20.0) * depths / 70)
    model = velocities_of(trended(field, 0.4), target.velocity_mean, target.velocity_std)
    return model.astype(np.float32), {}


def style_b(rng: np.random.Generator, depths: int = 70, laterals: int = 70) -> Drawn:
    """Draw a sharper one: patches with edges, and fields of 5 to 10 and of 1.5 to 4 cells."""
    target = PUBLISHED["style-b"]

    def field(shortest: float, longest: float) -> np.ndarray:
        return gaussian_field(rng, depths, laterals, rng.uniform(shortest, longest) * depths / 70)

    patches, coarse, fine = np.sign(field(5.0, 10.0)), field(5.0, 10.0), field(1.5, 4.0)
    mixed = np.sqrt(0.4) * patches + np.sqrt(0.4) * coarse + np.sqrt(0.2) * fine
    model = velocities_of(trended(mixed, 0.45), target.velocity_mean, target.velocity_std)
    return model.astype(np.float32), {}


def salt(rng: np.random.Generator, depths: int = 70, laterals: int = 70) -> Drawn:
    """Draw curved layers around a body of salt with 4500 m/s: no family of OpenFWI, none trained on it."""
    model, drawn = FAMILIES["curvevel-a"](rng, depths, laterals)
    return np.where(closed_body(rng, depths, laterals), np.float32(FASTEST), model), drawn


FAMILIES: dict[str, Family] = {
    "flatvel-a": Layers("flatvel-a", (2, 6)),
    "flatvel-b": Layers("flatvel-b", (2, 6), disorder=np.inf),
    "curvevel-a": Layers("curvevel-a", (2, 6), curved=True),
    "curvevel-b": Layers("curvevel-b", (2, 6), disorder=np.inf, curved=True),
    "flatfault-a": Layers("flatfault-a", (3, 8), faults=(1, 1), narrowing=0.975),
    "flatfault-b": Layers("flatfault-b", (5, 8), faults=(1, 3), disorder=0.8, narrowing=0.965),
    "curvefault-a": Layers("curvefault-a", (3, 8), faults=(1, 1), curved=True, narrowing=0.975),
    "curvefault-b": Layers("curvefault-b", (5, 8), faults=(1, 3), disorder=0.8, curved=True, narrowing=0.965),
    "style-a": style_a,
    "style-b": style_b,
    "salt": salt,
}
