"""Claims on flights."""

from benchmarks.claims.claim import Claim
from benchmarks.claims.uav import course, held_out, moved, networks, published, trust


def claims() -> list[Claim]:
    """Return the claims of the domain."""
    modules = (published, course, held_out, trust, moved, networks)
    return [claim for module in modules for claim in module.claims()]
