"""Claims on seismic imaging."""

from benchmarks.claims.claim import Claim
from benchmarks.claims.seismic import forward, latents, networks, refinement, solver


def claims() -> list[Claim]:
    """Return the claims of the domain."""
    return [claim for module in (solver, networks, refinement, forward, latents) for claim in module.claims()]
