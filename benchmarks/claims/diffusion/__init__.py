"""Claims on sampling by diffusion, where the exact answer is known."""

from benchmarks.claims.claim import Claim
from benchmarks.claims.diffusion import samplers


def claims() -> list[Claim]:
    """Return the claims on samplers."""
    return samplers.claims()
