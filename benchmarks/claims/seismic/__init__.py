"""Claims on seismic imaging."""

from benchmarks.claims.claim import Claim
from benchmarks.claims.seismic import forward, latents, networks, refinement, small, solver, unseen_refinement


def claims() -> list[Claim]:
    """Return the claims of the domain."""
    modules = (solver, networks, refinement, unseen_refinement, forward, latents, small)
    return [claim for module in modules for claim in module.claims()]
