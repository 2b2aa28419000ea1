"""Measures how close the families are to OpenFWI's: `python -m benchmarks.claims.seismic.calibration`."""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from datasets.factory.build import build
from datasets.seismic.openfwi_like import OpenFWILike
from datasets.seismic.published import PUBLISHED
from datasets.store.layout import open_store

NAME = "seismic_data"
TOLERANCES = {
    "velocity_mean": 0.05,
    "velocity_std": 0.05,
    "pressure_std": 0.10,
    "pressure_min": 0.20,
    "pressure_max": 0.20,
}
"""Largest deviation from the published value, relative to it."""
SAMPLES = 500
COMMAND = "python -m benchmarks.claims.seismic.calibration"
Row = Mapping[str, Any]


def measure(family: str, samples: int, workers: int = 1) -> dict[str, float]:
    """Build a temporary store of one family, and return the statistics that are published."""
    with TemporaryDirectory() as folder:
        url = f"{folder}/{family}.zarr"
        build(OpenFWILike.make({"samples": samples, "family": family}), url, workers=workers, progress=False)
        store = open_store(url)
        velocity, pressure = (store.statistics(name) for name in ("velocity_model", "shot_gather"))
    return {
        "velocity_mean": float(velocity.mean),
        "velocity_std": float(velocity.std),
        "pressure_std": float(pressure.std),
        "pressure_min": float(pressure.minimum),
        "pressure_max": float(pressure.maximum),
    }


def deviation(row: Row, statistic: str) -> float:
    """Return the deviation of a family's statistic from the published value, relative to it."""
    return float(row[statistic] / getattr(PUBLISHED[row["family"]], statistic) - 1.0)


def claims(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return one claim for each statistic: the family that is farthest off decides."""
    found = []
    for statistic, tolerance in TOLERANCES.items():
        worst = max(rows, key=lambda row: abs(deviation(row, statistic)))
        off = abs(deviation(worst, statistic))
        found.append(
            {
                "claim": f"{statistic.replace('_', ' ').capitalize()} of each family is near the published",
                "source": "dataset_config.json of OpenFWI",
                "metric": f"largest deviation of {len(rows)} families, {worst['samples']} samples each, %",
                "ours": 100.0 * off,
                "baseline": None,
                "baseline_name": f"farthest: {worst['family']}",
                "published": None,
                "target": f"at most {100 * tolerance:.0f} %",
                "holds": off <= tolerance,
                "command": COMMAND,
            }
        )
    return found


def table(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the table of all families: ours / published (deviation)."""

    def cell(row: Row, statistic: str) -> str:
        published = getattr(PUBLISHED[row["family"]], statistic)
        return f"{row[statistic]:.5g} / {published:.5g} ({100 * deviation(row, statistic):+.1f} %)"

    return {
        "title": "Statistics of the families: ours / published (deviation); velocity in m/s, pressure for a "
        "source of amplitude 1. Extremes are of fewer samples here than there.",
        "header": ["family", *(name.replace("_", " ") for name in TOLERANCES)],
        "rows": [[row["family"], *(cell(row, name) for name in TOLERANCES)] for row in rows],
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what has not been measured yet, and write claims, table and statistics."""
    parser = argparse.ArgumentParser(
        prog=COMMAND, description="Compare statistics of the families of velocity models with OpenFWI's."
    )
    parser.add_argument("--samples", type=int, default=SAMPLES, help="models of each family (%(default)s)")
    parser.add_argument("--workers", type=int, default=1, help="worker processes (%(default)s)")
    parser.add_argument("--out", type=Path, default=Path("docs/results"), help="folder (%(default)s)")
    given = parser.parse_args(arguments)
    known = given.out / "seeds" / f"{NAME}.jsonl"
    known.parent.mkdir(parents=True, exist_ok=True)
    lines = known.read_text(encoding="utf-8").splitlines() if known.exists() else []
    measured = [json.loads(line) for line in lines]
    rows = []
    for family in PUBLISHED:
        key = {"family": family, "samples": given.samples, "recipe_version": OpenFWILike.version}
        row = next((each for each in measured if each.items() >= key.items()), None)
        if row is None:
            row = key | measure(family, given.samples, given.workers)
            with known.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        rows.append(row)
        print(
            " ".join([family, *(f"{name} {100 * deviation(rows[-1], name):+.1f} %" for name in TOLERANCES)])
        )
    (given.out / "tables").mkdir(exist_ok=True)
    (given.out / f"{NAME}.json").write_text(json.dumps(claims(rows), indent=2) + "\n")
    (given.out / "tables" / f"{NAME}.json").write_text(json.dumps([table(rows)], indent=2) + "\n")


if __name__ == "__main__":
    main()
