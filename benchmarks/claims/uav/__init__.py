"""Claims on flights."""

from benchmarks.claims.claim import Claim
from benchmarks.claims.uav import course, held_out, moved, networks, published


def claims() -> list[Claim]:
    """Return the claims of the domain."""
    return [claim for module in (published, course, held_out, moved, networks) for claim in module.claims()]
