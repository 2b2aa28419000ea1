"""Run one seed: `python -m benchmarks.claims DOMAIN EXPERIMENT SEED` prints its numbers.

`python -m benchmarks.claims DOMAIN pictures FOLDER` draws what the documentation of the domain shows.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from benchmarks.claims.report import claims_of, run_one


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the numbers of a seed, or draw pictures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.claims", description=__doc__)
    parser.add_argument("domain", help="e.g. seismic")
    parser.add_argument("experiment", help="name of an experiment, or pictures")
    parser.add_argument("seed", help="seed, or the folder of the pictures")
    given = parser.parse_args(arguments)
    if given.experiment == "pictures":
        claims_of(given.domain)  # refuses a domain that does not exist
        folder = Path(given.seed)
        folder.mkdir(parents=True, exist_ok=True)
        for name, figure in import_module(f"benchmarks.claims.{given.domain}.pictures").draw().items():
            figure.savefig(folder / f"{name}.png", dpi=80, bbox_inches="tight")
        return
    print(json.dumps(run_one(given.domain, given.experiment, int(given.seed)), indent=2))


if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError, ImportError) as error:
        sys.exit(f"error: {error}")
