"""Flights of uncrewed aerial vehicles on the learning side: where will it be in a second?"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from surrogates.domains.uav.streaming import TrajectoryPredictor

__all__ = ["TrajectoryPredictor"]


def __getattr__(name: str) -> Any:
    """Import the predictor, and torch with it, on first access."""
    if name == "TrajectoryPredictor":
        from surrogates.domains.uav.streaming import TrajectoryPredictor

        return TrajectoryPredictor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
