"""Units of measurement: UDUNITS through cf-units, with the human spellings of decibels understood."""

from functools import lru_cache

import cf_units
import numpy as np

from datasets.store.errors import ContractError
from datasets.store.specs import DECIBEL, DECIBEL_MILLIWATT

_SPELLINGS = {
    "": "1",
    "-": "1",
    "dB": DECIBEL,
    "decibel": DECIBEL,
    "dBm": DECIBEL_MILLIWATT,
    "dBW": "0.1 lg(re 1 W)",
    "deg": "degree",
    "°": "degree",
}
_DISPLAYED = {DECIBEL: "dB", DECIBEL_MILLIWATT: "dBm", "0.1 lg(re 1 W)": "dBW", "1": ""}


@lru_cache(maxsize=256)
def parse(units: str, calendar: str | None = None) -> cf_units.Unit:
    """Return the UDUNITS unit of a UDUNITS string or a human spelling such as `dB`, `dBm`, `deg`.

    Time from a date counts in a calendar of CF, in the standard one by default.

    Raises
    ------
    ContractError
        For units that UDUNITS does not know.
    """
    spelling = _SPELLINGS.get(units.strip(), units)
    try:
        with cf_units.suppress_errors():  # UDUNITS prints some of them
            return cf_units.Unit(spelling, calendar=calendar)
    except ValueError:
        raise ContractError(
            f"units {units!r} are not UDUNITS units; write e.g. 'm s-1', 'degree', '1' when dimensionless, "
            f"{DECIBEL!r} for dB, {DECIBEL_MILLIWATT!r} for dBm"
        ) from None


def same(first: str, second: str) -> bool:
    """Tell whether two unit strings mean the same unit."""
    return first == second or parse(first) == parse(second)


def convertible(first: str, second: str) -> bool:
    """Tell whether values in the first unit can be converted to the second."""
    return parse(first).is_convertible(parse(second))


def convert(values: np.ndarray, from_units: str, to_units: str, calendar: str | None = None) -> np.ndarray:
    """Convert values between units; equal units return the array itself.

    Parameters
    ----------
    values
        Array of any shape; integers become float64.
    from_units, to_units
        UDUNITS strings or human spellings.
    calendar
        Of both, where they count time from a date.

    Raises
    ------
    ContractError
        When the units, or some of the values, cannot be converted into each other; complex values only if
        a factor does it.
    """
    if same(from_units, to_units):
        return values
    if not convertible(from_units, to_units):
        raise ContractError(f"units {from_units!r} cannot be converted to {to_units!r}")
    if values.dtype.kind == "c":
        return _converted_complex(values, from_units, to_units, calendar)
    floats = values if values.dtype.kind == "f" else values.astype(np.float64)
    known = np.isfinite(floats)
    if not known.any():
        return floats
    converted = floats.copy()  # dates know neither NaN nor infinity
    converted[known] = parse(from_units, calendar).convert(floats[known], parse(to_units, calendar))
    if (lost := np.isfinite(floats) & np.isnan(converted)).any():
        raise ContractError(
            f"{floats[lost][0]:g} {display(from_units)} is no value in {display(to_units)}; check the units"
        )
    return converted


def _converted_complex(
    values: np.ndarray, from_units: str, to_units: str, calendar: str | None
) -> np.ndarray:
    """Multiply by the factor between two units; a shift or a logarithm has no meaning for complex values."""
    zero, one, two = convert(np.array([0.0, 1.0, 2.0]), from_units, to_units, calendar).tolist()
    if zero != 0.0 or not np.isclose(two, 2 * one, rtol=1e-12):
        raise ContractError(
            f"complex values in {display(from_units)!r} cannot be converted to {display(to_units)!r}, which "
            "is no multiple of it; convert the real quantity that is meant, such as the modulus"
        )
    return np.asarray(values * values.real.dtype.type(one))


def display(units: str) -> str:
    """Return units as people write them: `dB` for `0.1 lg(re 1)`, nothing when dimensionless."""
    return _DISPLAYED.get(units, units)


def difference(units: str) -> str:
    """Return the units of a difference of two values: dB for dBm, kelvin for degrees Celsius.

    Scores, standard deviations and widths have these units; most units are their own.
    """
    definition = str(parse(units).definition)
    if " lg(re " in definition:
        return f"{definition.partition(' lg(re ')[0]} lg(re 1)"
    scale, shifted, _ = definition.partition(" @ ")
    return scale if shifted else units


def has_zero(units: str) -> bool:
    """Tell whether 0 means nothing, so that values have ratios: neither for levels nor for temperatures."""
    definition = str(parse(units).definition)
    return "(re " not in definition and " @ " not in definition
