"""Put samples that came a little late in the order of their stamps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from datasets.uav.tracks import Flight

SET_BACK = 1.0
"""A step back of the stamps that no disorder of samples makes, s."""


def in_order(flight: Flight) -> Flight:
    """Return the samples in the order of their stamps, with a remark if they were in another.

    Stamps that go back by `SET_BACK` or more are another clock's, or damaged, and stay as they are.
    """
    steps = np.diff(flight.stamps[np.isfinite(flight.stamps)])
    if steps.min(initial=0.0) <= -SET_BACK or not (early := int((steps < 0).sum())):
        return flight
    remark = f"{flight.source}: {early} samples came after later ones and were put in order"
    found = flight.take(np.argsort(flight.stamps, kind="stable"))
    return replace(found, remarks=(*flight.remarks, remark))
