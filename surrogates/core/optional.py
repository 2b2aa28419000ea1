"""Imports of optional packages, answered with the ``pip install`` line when they are missing."""

from importlib import import_module
from types import ModuleType

from surrogates.core.errors import MissingExtraError

DISTRIBUTION = "sciml-surrogates"
EXTRA_OF_MODULE = {
    "sionna": "radio",
    "mitsuba": "radio",
    "drjit": "radio",
    "osmium": "radio",
    "shapely": "radio",
    "pyproj": "radio",
    "mapbox_earcut": "radio",
    "PIL": "radio",
    "pymavlink": "uav",
    "pyulog": "uav",
    "rosbags": "uav",
    "deepwave": "seismic",
    "segyio": "seismic",
    "neuralop": "operators",
    "tensorstore": "scale",
    "dask": "scale",
    "netCDF4": "netcdf",
    "cupy": "gpu",
    "onnx": "export",
    "onnxscript": "export",
    "onnxruntime": "export",
    "rioxarray": "geo",
    "rasterio": "geo",
    "optuna": "sweep",
}


def install_line(extra: str) -> str:
    """Return the command that installs one of our extras."""
    return f'pip install "{DISTRIBUTION}[{extra}]"'


def explain_missing(error: ModuleNotFoundError, purpose: str) -> ImportError:
    """Turn a failed import into an error that says what to install.

    Parameters
    ----------
    error
        What Python raised; its ``name`` is the missing module.
    purpose
        What needed the module, for the message.

    Returns
    -------
    ImportError
        With the exact ``pip install`` line where the module belongs to one of our extras.
    """
    module = (error.name or "").partition(".")[0]
    extra = EXTRA_OF_MODULE.get(module)
    remedy = f"Install it with: {install_line(extra)}" if extra else "Install the package that has it."
    message = f"{purpose} needs the module '{module}', which is not installed. {remedy}"
    return MissingExtraError(message, name=error.name)


def require(module: str, purpose: str | None = None) -> ModuleType:
    """Import ``module`` or say what to install.

    Raises
    ------
    MissingExtraError
        When the module is absent.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise explain_missing(error, purpose or "This") from error
