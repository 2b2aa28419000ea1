"""Time of the command line's help, against an interpreter that does nothing."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

from benchmarks.speed.rows import Row, costs, measure_pairs

HEAVY = ("torch", "lightning", "xarray", "zarr", "hydra", "matplotlib", "scipy")


def _command(*arguments: str) -> Callable[[], None]:
    def run() -> None:
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)

    return run


def heavy_imports() -> list[str]:
    """Return the heavy packages that ``import surrogates`` pulls in."""
    script = f"import sys, surrogates; print(*[name for name in {HEAVY} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    return answer.stdout.split()


def run(quick: bool = False) -> list[Row]:
    """Measure; ``quick`` takes fewer repeats."""
    pairs = measure_pairs(
        _command("-c", "from surrogates.cli.main import main; main(['--help'])"),
        _command("-c", "pass"),
        repeats=1 if quick else 15,
        per=1e-3,
    )
    start = costs("surrogates --help", "ms", pairs, "python -c pass", at_most=15)
    found = heavy_imports()
    imports = Row(
        "import surrogates: heavy packages",
        "packages",
        len(found),
        len(HEAVY),
        "all of " + ", ".join(HEAVY),
        len(found) / len(HEAVY),
    )
    return [start, replace(imports, target="<= 0", holds=not found)]
