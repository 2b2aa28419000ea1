"""Claims on sound in rooms."""

from benchmarks.claims.acoustics import (
    durations,
    materials,
    network,
    residual,
    simulator,
    sources,
    transfer,
    varied,
    walls,
)
from benchmarks.claims.claim import Claim


def claims() -> list[Claim]:
    """Return the claims of the domain that are measured."""
    modules = (simulator, durations, walls, network, sources, varied, transfer, residual, materials)
    return [claim for module in modules for claim in module.claims()]
