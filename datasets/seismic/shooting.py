"""What recipes that shoot over velocity models share."""

from importlib.metadata import version

from physics.waves.seismic.survey import Survey

UNIT = 16
"""Models that are simulated together: 80 shots fill one call of the solver, some seconds."""


def check_stride(survey: Survey) -> None:
    """Refuse records too thin for their source.

    Raises
    ------
    ValueError
        If the rate is less than twice 3 times the peak frequency, up to where a Ricker wavelet has energy.
    """
    needed = 6.0 * survey.frequency
    kept = 1.0 / (survey.time_stride * survey.time_step)
    if kept < needed:
        raise ValueError(
            f"time_stride={survey.time_stride} keeps {kept:.4g} samples a second, too few for a source of "
            f"{survey.frequency:g} Hz, whose energy reaches 3 times as far; at most "
            f"{max(1, int(1.0 / (needed * survey.time_step)))} expected"
        )


def software() -> dict[str, str]:
    """Return the versions that gathers depend on."""
    return {name: version(name) for name in ("numpy", "scipy", "torch", "deepwave")}
