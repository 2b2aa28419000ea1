"""The solver against the scheme that OpenFWI used, and against the exact field of a homogeneous ground."""

from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.claims.claim import Claim, Experiment
from benchmarks.claims.seismic.training import HOMES
from benchmarks.claims.tables import ResultTable, averages, cell
from datasets.seismic.families import FAMILIES
from physics.waves.seismic import analytic, propagator, reference
from physics.waves.seismic.survey import Survey

EACH = 3
DEPTHS, LATERALS = 70, 70
KINDS = (*HOMES, "curvefault-b", "style-b")
SPEEDS, DISTANCE = (2000.0, 3000.0, 4500.0), 350.0  # m/s, m
STRIPS = {"scheme": 120, "wide": 240}
"""Cells of the damped strip around the scheme's grid: as published, and twice as many."""
SOURCE = "Deng et al., OpenFWI, NeurIPS 2022, and its public ports"


def run_seed(seed: int) -> dict[str, float]:
    """Return the largest relative L2 difference of gathers, of each family and each homogeneous velocity."""
    rng = np.random.default_rng(seed)
    values: dict[str, float] = {}
    for kind in KINDS:
        models = np.stack([FAMILIES[kind](rng, DEPTHS, LATERALS)[0] for _ in range(EACH)])
        ours = propagator.simulate(models, Survey())
        for name, strip in STRIPS.items():
            pairs = zip(ours, reference.simulate(models, Survey(), strip=strip), strict=True)
            values[f"{name}/{kind}"] = max(difference(*pair) for pair in pairs)
    apart = Survey(steps=500, source_columns=(5,), receiver_columns=(40,))
    for speed in SPEEDS:
        found = propagator.simulate(np.full((1, 70, 70), speed, np.float32), apart)[0]
        values[f"exact/{speed:.0f}"] = difference(found, analytic.homogeneous_gather(speed, apart))
        values[f"derived/{speed:.0f}"] = analytic.dispersion(speed, apart, DISTANCE)
    return values | {f"{name}/worst": max(values[f"{name}/{kind}"] for kind in KINDS) for name in STRIPS}


def difference(found: np.ndarray, expected: np.ndarray) -> float:
    """Return the relative L2 difference."""
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def claims() -> list[Claim]:
    """Return the claims on the solver."""
    experiment = Experiment("seismic", "solver", run_seed, seeds=(0,), tables=tables)

    def scheme(text: str, name: str, title: str) -> Claim:
        return Claim(
            claim=text,
            source=SOURCE,
            metric=f"largest relative L2 difference, {EACH} models of each of {len(KINDS)} families at full "
            "size",
            experiment=experiment,
            ours=f"{name}/worst",
            baseline=f"{name}/worst",
            baseline_name=title,
            compare="at_most",
            bound=0.005,
        )

    return [
        scheme("The solver's gathers are those of OpenFWI's scheme", "scheme", "reference scheme, NumPy"),
        scheme(
            "They are, where its damped strip is twice as wide and sends no echo back",
            "wide",
            "reference scheme with a strip of 240 cells",
        ),
        *(
            Claim(
                claim=f"At {speed:.0f} m/s gathers differ from the exact ones by the dispersion of the grid "
                "alone",
                source=SOURCE,
                metric=f"relative L2 difference {DISTANCE:.0f} m away; 0.15 % are for echo and rounding",
                experiment=experiment,
                ours=f"exact/{speed:.0f}",
                baseline=f"derived/{speed:.0f}",
                baseline_name="derived from the grid",
                bound=-0.0015,
            )
            for speed in SPEEDS
        ),
    ]


def tables(values: Sequence[Mapping[str, float]]) -> list[ResultTable]:
    """Return the table of all differences."""
    known = averages(values)
    against = [
        (f"reference scheme, strip of {strip} cells", kind, f"{name}/{kind}")
        for name, strip in STRIPS.items()
        for kind in KINDS
    ]
    against += [(f"closed form, {DISTANCE:.0f} m away", f"{v:.0f} m/s", f"exact/{v:.0f}") for v in SPEEDS]
    against += [("dispersion derived from the grid", f"{v:.0f} m/s", f"derived/{v:.0f}") for v in SPEEDS]
    return [
        ResultTable(
            "Solver against references, relative L2 difference of gathers (the largest of a family)",
            ("reference", "ground", "difference"),
            [[title, ground, cell(known, name, digits=4)] for title, ground, name in against],
        )
    ]
