# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% tags=["hidden"]
import os
import sys
import tempfile
from pathlib import Path

os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
os.chdir(tempfile.mkdtemp())

# %% [markdown]
# # From a drive test to a GeoTIFF
#
# A phone logged signal strength in some streets. What is it between them, and how sure is that? The drive test is simulated
# here, so that the truth is known: a mast, a signal that falls with the distance, shadows, streets 64 m apart.

# %%
import matplotlib.pyplot as plt
import numpy as np
from pyproj import Transformer

rng = np.random.default_rng(0)
streets, along = np.arange(32.0, 512.0, 64.0), np.arange(2.0, 512.0, 3.0)
crossing = np.stack(np.meshgrid(streets, along), axis=-1).reshape(-1, 2)
walk = np.concatenate([crossing, crossing[:, ::-1]])  # metres east and north in a window of 512 m
waves, phases = rng.normal(0.0, 0.03, (60, 2)), rng.uniform(0.0, 2 * np.pi, 60)


def rsrp(positions: np.ndarray) -> np.ndarray:
    """Signal strength (dBm) without noise, at positions (..., 2) in metres."""
    distance = np.sqrt(((positions - 256.0) ** 2).sum(axis=-1) + 20.0**2)
    return -40.0 - 25.0 * np.log10(distance) + np.sin(positions @ waves.T + phases).sum(axis=-1)


to_map = Transformer.from_crs("EPSG:4326", "EPSG:32632", always_xy=True)
west, south = to_map.transform(11.5700, 48.1350)
longitude, latitude = to_map.transform(west + walk[:, 0], south + walk[:, 1], direction="INVERSE")
readings = rsrp(walk) + rng.normal(0.0, 1.0, len(walk))
np.savetxt(
    "walk.csv",
    np.column_stack([latitude, longitude, readings]),
    delimiter=",",
    header="lat,lon,RSRP",
    comments="",
    fmt=["%.8f", "%.8f", "%.1f"],
)
np.save("heights.npy", np.zeros((128, 128)))  # metres of the buildings, row 0 in the north

# %% [markdown]
# ## Import
#
# A short file says where the window lies, what the columns are called and where the mast stands.

# %% language="bash"
# cat > site.yaml <<END
# site: Theresienwiese
# south_west: [48.1350, 11.5700]
# columns: {latitude: lat, longitude: lon, rsrp: RSRP}
# cells:
#   tower: {latitude: 48.13730, longitude: 11.57344, height: 20, azimuth_deg: 30, frequency_hz: 3.5e+9}
# END
# surrogates data import radio/drive_test site.yaml measurements=walk.csv buildings=heights.npy \
#     out=data/walk.zarr --no-progress

# %%
import xarray as xr

site = xr.open_zarr("data/walk.zarr").load()
print(f"{int(site.rsrp.notnull().sum())} of {site.rsrp.size} cells were measured")

# %% [markdown]
# ## Fill the gaps
#
# Kriging needs no training and is the method to beat. It is a registered baseline, which answers in the same form as a surrogate:
# values and their standard deviation. A trained process replaces it with `surrogates.load(RUN).predict(site)`, see
# [a measured site](../radio.md#a-measured-site).

# %%
import torch

from datasets.store.layout import open_store
from surrogates.learning.context import Context
from surrogates.learning.contract import Baseline

spec = open_store("data/walk.zarr").specs["rsrp"]
shared = {name: site[name] for name in site.variables if "sample" not in site[name].dims}
context = Context.of([], [spec], shared=shared)
kriging = Baseline.build({"name": "radio/kriging", "samples": "rsrp_samples"}, context)
inputs = {
    name: torch.from_numpy(site[name].values.astype(np.float32))
    for name in ("building_height", "terrain_height", "transmitter_position", "transmitter_azimuth")
}
answer = kriging({**inputs, "rsrp_samples": torch.from_numpy(site.rsrp.values)})
filled = xr.Dataset(
    {
        "rsrp": (("y", "x"), answer["rsrp"][0].numpy(), site.rsrp.attrs),
        "rsrp_standard_deviation": (
            ("y", "x"),
            answer["rsrp_standard_deviation"][0].numpy(),
            {"units": "dB"},
        ),
    },
    coords={"x": site.x, "y": site.y},
)

# %%
east, north = np.meshgrid(site.x, site.y)
truth = filled.rsrp.copy(data=rsrp(np.stack([east, north], axis=-1)))
figure, axes = plt.subplots(1, 4, figsize=(15, 3.4), layout="constrained")
for axis, field, title in zip(
    axes,
    (site.rsrp[0], filled.rsrp, truth, filled.rsrp_standard_deviation),
    ("measured", "kriging", "truth", "standard deviation"),
    strict=True,
):
    limits = {"vmin": -120, "vmax": -70} if title != "standard deviation" else {"cmap": "magma"}
    field.plot(ax=axis, cbar_kwargs={"label": "dB" if "cmap" in limits else "dBm"}, **limits)
    axis.set(title=title, xlabel="east (m)", ylabel="north (m)", aspect="equal")

# %% [markdown]
# The truth is known here, so map and error bar can be judged where nobody measured. The error bar is one for a new reading,
# with its noise of 1 dB.

# %%
unseen = site.rsrp[0].isnull().values
error = (filled.rsrp - truth).values[unseen]
reading = error + rng.normal(0.0, 1.0, error.size)
inside = np.abs(reading) < 1.645 * filled.rsrp_standard_deviation.values[unseen]
print(
    f"RMSE {np.sqrt(np.mean(error**2)):.1f} dB; {inside.mean():.0%} of new readings within the 90 % interval"
)

# %% [markdown]
# ## Write the GeoTIFF
#
# The store knows its location on Earth, and the file opens in any GIS. For a surrogate this is one command:
# `surrogates predict RUN data/walk.zarr --geotiff map.tif`.

# %%
import rioxarray

from surrogates.inference.geotiff import frame_of, write_geotiff

write_geotiff(filled, "map.tif", frame_of(site, "x", "sample", 0))
with rioxarray.open_rasterio("map.tif") as tif:
    print(tif.rio.crs, *(round(edge) for edge in tif.rio.bounds()), "m")
