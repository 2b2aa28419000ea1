"""Claims on channel state information."""

from benchmarks.claims.claim import Claim
from benchmarks.claims.csi import channels, keypoints, networks, pad, transfer


def claims() -> list[Claim]:
    """Return the claims of the domain."""
    modules = (channels, keypoints, pad, networks, transfer)
    return [claim for module in modules for claim in module.claims()]
