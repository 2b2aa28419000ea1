"""Claims on channel state information."""

from benchmarks.claims.claim import Claim
from benchmarks.claims.csi import channels, keypoints, networks, pad


def claims() -> list[Claim]:
    """Return the claims of the domain."""
    return [claim for module in (channels, keypoints, pad, networks) for claim in module.claims()]
