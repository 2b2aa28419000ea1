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
# # From a recipe to a map
#
# Rays are traced through two real cities, a small network learns from one of them, and the other is predicted. All is as
# small as it can be, so that this page builds in half a minute: coarse cells, few rays, few steps. `make demo` is the same
# with settings that make its numbers worth reading.
#
# ## Build
#
# A recipe is a set of parameters with defaults. `data list` shows them, `--dry-run` says what a build would cost.

# %% language="bash"
# surrogates data build radio/urban cities=[munich] test_cities=[etoile] samples=12 test_samples=4 \
#     window_size=256 cell_size=8 rays=50000 rays_test=50000 depth=2 diffraction=false repeat_share=0 \
#     out=data/urban.zarr --no-progress

# %% [markdown]
# What came out is plain Zarr: xarray opens it, with units and coordinates.

# %%
import matplotlib.pyplot as plt
import xarray as xr

maps = xr.open_zarr("data/urban.zarr").load()
maps

# %% [markdown]
# ## Train
#
# The experiment names task, network and trainer; anything can be changed behind it.

# %% language="bash"
# surrogates train experiment=radio/geo2sigmap size=tiny dataset=data/urban.zarr \
#     model.base=8 trainer.max_steps=60 trainer.validate_every=30 trainer.progress=false

# %% [markdown]
# ## Predict
#
# A surrogate says what it takes and gives, in physical units.

# %%
import surrogates

surrogate = surrogates.load(max(Path("runs/radio/geo2sigmap").iterdir()))
surrogate

# %%
city = maps.isel(sample=maps.split == 2).isel(sample=[0])  # etoile: never seen
predicted = surrogate.predict(city).path_gain[0]

figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
city.path_gain[0].plot(ax=axes[0], vmin=-130, vmax=-60, cbar_kwargs={"label": "path gain (dB)"})
predicted.plot(ax=axes[1], vmin=-130, vmax=-60, cbar_kwargs={"label": "path gain (dB)"})
(predicted - city.path_gain[0]).plot(ax=axes[2], cmap="RdBu_r", cbar_kwargs={"label": "error (dB)"})
for axis, title in zip(axes, ("ray tracing", "prediction", "prediction minus ray tracing"), strict=True):
    axis.set(title=title, xlabel="east (m)", ylabel="north (m)", aspect="equal")

# %% [markdown]
# Every run scores the baselines beside the network, on the same cells. With so few maps and steps a fit of two lines may still
# win, which is what the table is there to say.

# %%
import json

metrics = json.loads((surrogate.bundle.folder.parent / "metrics.json").read_text())
for row in metrics["rows"]:
    if row["metric"] == "rmse" and row["group"] == "all":
        print(f"{row['method']:40} {row['value']:5.1f} dB")

# %% [markdown]
# Next: [radio maps](../radio.md), [getting started](../getting-started.md), [your own simulator](../bring-your-own.md).
