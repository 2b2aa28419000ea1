"""Rows of a benchmark: ours beside a reference, measured in turn, with the machine that measured them."""

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


@cache
def describe_machine() -> dict[str, Any]:
    """Describe the machine and the versions that a number depends on."""
    packages = ("numpy", "torch", "zarr", "numcodecs", "xarray", "lightning", "sionna-rt")
    return {
        "cpu": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_at_start": round(os.getloadavg()[0], 2),
        "versions": {name: version for name in packages if (version := _version(name))},
    }


@dataclass(frozen=True)
class Row:
    """One measured statement.

    Parameters
    ----------
    name : str
        Measured statement, e.g. "random read, blosc-lz4, 1 MB".
    unit : str
        Unit of `ours` and `reference`, e.g. "ms per sample".
    ours, reference : float
        Medians over the repeats.
    reference_name : str
        Name of the reference, e.g. "zarr-python".
    ratio : float
        Median of the paired ratios; its direction is that of `target`.
    target : str
        ">= 8" (reference / ours: how many times better) or "<= 1.1" (ours / reference: what it costs);
        empty for a row that only informs.
    holds : bool or None
        Whether the ratio meets the target; None without a target.
    """

    name: str
    unit: str
    ours: float
    reference: float
    reference_name: str
    ratio: float
    target: str = ""
    holds: bool | None = None
    note: str = ""
    machine: Mapping[str, Any] = field(default_factory=describe_machine)


@dataclass(frozen=True)
class Paired:
    """Values of ours and of the reference from alternating runs, pair by pair."""

    ours: tuple[float, ...]
    reference: tuple[float, ...]

    def medians(self) -> tuple[float, float]:
        return statistics.median(self.ours), statistics.median(self.reference)

    def speedup(self) -> float:
        """Return the median of reference / ours."""
        return statistics.median(r / o for o, r in zip(self.ours, self.reference, strict=True))

    def cost(self) -> float:
        """Return the median of ours / reference."""
        return statistics.median(o / r for o, r in zip(self.ours, self.reference, strict=True))


def faster(
    name: str, unit: str, pairs: Paired, reference_name: str, *, at_least: float | None = None, note: str = ""
) -> Row:
    """Return the row of how many times better than the reference ours is; `at_least` is its target."""
    ratio = pairs.speedup()
    row = Row(name, unit, *pairs.medians(), reference_name, ratio, note=note)
    return row if at_least is None else replace(row, target=f">= {at_least:g}", holds=ratio >= at_least)


def costs(
    name: str, unit: str, pairs: Paired, reference_name: str, *, at_most: float | None = None, note: str = ""
) -> Row:
    """Return the row of what ours costs relative to the reference; `at_most` is its target."""
    ratio = pairs.cost()
    row = Row(name, unit, *pairs.medians(), reference_name, ratio, note=note)
    return row if at_most is None else replace(row, target=f"<= {at_most:g}", holds=ratio <= at_most)


def measure_pairs(
    ours: Callable[[], object],
    reference: Callable[[], object],
    *,
    repeats: int = 5,
    warmup: int = 1,
    clock: Callable[[], float] = time.perf_counter,
    per: float = 1.0,
) -> Paired:
    """Time two callables in turn, so that drift of a shared machine hits both alike.

    Parameters
    ----------
    ours, reference : callable
        Run once each per repeat; the order within a pair alternates.
    repeats, warmup : int
        Measured pairs, and unmeasured ones before them.
    clock : callable
        Seconds: `time.perf_counter` for wall time, `time.process_time` for CPU time of all threads.
    per : float
        Times are divided by this, e.g. the number of samples one call handles.
    """
    for _ in range(warmup):
        ours()
        reference()
    times: dict[bool, list[float]] = {True: [], False: []}
    for repeat in range(repeats):
        for is_ours in (True, False) if repeat % 2 == 0 else (False, True):
            start = clock()
            (ours if is_ours else reference)()
            times[is_ours].append(max(clock() - start, 1e-9) / per)
    return Paired(tuple(times[True]), tuple(times[False]))


def as_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return rows as plain dictionaries, in the order of their fields."""
    return [asdict(row) for row in rows]


def table(rows: Sequence[Row]) -> str:
    """Return rows as an aligned text table."""
    header = ("name", "ours", "reference", "unit", "ratio", "target", "holds")
    lines = [header] + [
        (
            row.name,
            f"{row.ours:.4g}",
            f"{row.reference:.4g} ({row.reference_name})",
            row.unit,
            f"{row.ratio:.3g}x",
            row.target or "-",
            {True: "yes", False: "NO", None: "-"}[row.holds],
        )
        for row in rows
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    text = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
    text += [f"  {row.name}: {row.note}" for row in rows if row.note]
    return "\n".join(text)
