"""A build of simulated flights that is small enough for a test and still has several units."""

from datasets.uav.px4_like import Px4Like


class SmallUnits(Px4Like):
    """Short flights, four to a unit."""

    trajectories: int = 14
    shortest: float = 2.0
    longest: float = 3.0

    def unit_records(self) -> int:
        return 4
