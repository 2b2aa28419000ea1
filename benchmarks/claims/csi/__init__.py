"""Claims on channel state information.

Those of `pad` and `networks` are written and tested small, and not measured yet: they join the list with
their first rows.
"""

from benchmarks.claims.claim import Claim
from benchmarks.claims.csi import channels, keypoints


def claims() -> list[Claim]:
    """Return the claims of the domain that are measured."""
    return [claim for module in (channels, keypoints) for claim in module.claims()]
