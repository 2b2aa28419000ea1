"""Claims on seismic imaging."""

from benchmarks.claims.claim import Claim
from benchmarks.claims.seismic import forward, latents, networks, refinement, solver, unseen_refinement


def claims() -> list[Claim]:
    """Return the claims of the domain."""
    modules = (solver, networks, refinement, unseen_refinement, forward, latents)
    return [claim for module in modules for claim in module.claims()]
