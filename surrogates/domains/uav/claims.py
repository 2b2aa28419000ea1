"""What is claimed of flights, and how it is measured."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from surrogates.domains.uav import course_claims, moved_claims, network_claims, published_claims
from surrogates.runs.claims import Claim, ResultTable, run_one

PARTS = (published_claims, course_claims, moved_claims, network_claims)


def claims() -> list[Claim]:
    """Return the claims of the domain."""
    return [claim for part in PARTS for claim in part.claims()]


def tables(rows: Sequence[Mapping[str, Any]]) -> list[ResultTable]:
    """Return the tables beside the claims."""
    return [table for part in PARTS for table in part.tables(rows)]


def main(words: Sequence[str]) -> None:
    """Print the numbers of an experiment and a seed, or draw the pictures: ``pictures FOLDER``."""
    name, seed = words
    if name == "pictures":
        course_claims.draw(Path(seed))
        return
    run_one(claims(), name, int(seed))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (ValueError, OSError, ImportError) as error:
        sys.exit(f"error: {error}")
