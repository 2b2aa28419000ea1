"""What a surrogate of cooling bodies can do beside `predict`."""

import numpy as np
import xarray as xr

from surrogates.inference.surrogate import Surrogate


class CoolingVerbs:
    """Verbs of a surrogate: `surrogate.cooling.time_until(...)`.

    Parameters
    ----------
    surrogate
        Whose verbs they are.
    """

    def __init__(self, surrogate: Surrogate) -> None:
        self._surrogate = surrogate

    def time_until(self, bodies: xr.Dataset, temperature: float) -> xr.DataArray:
        """Return how long bodies take to cool down to a temperature, s; NaN where it is longer than known.

        Parameters
        ----------
        bodies
            Inputs, as for `predict`.
        temperature
            In K.
        """
        curves = self._surrogate.predict(bodies)["temperature"]
        return xr.apply_ufunc(
            _crossing,
            curves,
            curves["time"],
            kwargs={"temperature": temperature},
            input_core_dims=[["time"], ["time"]],
            vectorize=True,
        ).assign_attrs(units="s", long_name=f"time until {temperature:g} K")


def _crossing(curve: np.ndarray, time: np.ndarray, temperature: float) -> float:
    falling = np.minimum.accumulate(curve)[::-1]
    return float(np.interp(temperature, falling, time[::-1], left=np.nan, right=0.0))
