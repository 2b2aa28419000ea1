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
# # From flights to a live prediction
#
# Where will that drone be in a second? Flights are simulated, a network learns the next second from the last two, and then it
# follows a flight sample by sample, as it would follow a vehicle.
#
# ## Flights

# %% language="bash"
# surrogates data build uav/px4_like trajectories=40 shortest=10 longest=20 out=data/flights.zarr --no-progress

# %%
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr

flights = xr.open_zarr("data/flights.zarr").load()
flights

# %% [markdown]
# ## Train
#
# The network corrects a constant velocity in axes along the course, and says how far off it may be.

# %% language="bash"
# surrogates train experiment=uav/course size=tiny trainer.max_steps=300 trainer.validate_every=150 \
#     model.width=64 task.window.stride=5 'task.baselines=[uav/constant_velocity]' trainer.progress=false

# %% [markdown]
# ## Follow a flight
#
# `push` takes one position after the other, at any rate, and answers the next second as soon as two seconds are known. What
# it said is compared with what came, once that is known.

# %%
from surrogates.domains.uav import TrajectoryPredictor

run = max(Path("runs/uav/course").iterdir())
flight = flights.isel(trajectory=int(np.flatnonzero(flights.split == 2)[0]))
length = int(flight.length)
predictor, said = TrajectoryPredictor(run), []
for time, position in zip(flight.time.values[:length], flight.position.values[:length], strict=True):
    prediction = predictor.push(float(time), position)
    if prediction is not None:
        said.append(prediction)
print(f"{len(said)} predictions; a second ahead they were {predictor.hindsight.fde:.2f} m off on the mean")

# %%
figure, axis = plt.subplots(figsize=(7, 5), layout="constrained")
track = flight.position.values[:length]
axis.plot(track[:, 0], track[:, 1], color="0.6", label="flown")
for prediction in said[::10]:
    (line,) = axis.plot(prediction.position[:, 0], prediction.position[:, 1], color="tab:red", lw=1.5)
line.set_label("predicted second")
axis.set(xlabel="east (m)", ylabel="north (m)", aspect="equal")
axis.legend()

# %% [markdown]
# With the vehicle on MAVLink or a log on the disk this is one command, `surrogates uav stream RUN --mavlink
# udpin:127.0.0.1:14550`. [Flights](../uav.md) tells the rest.
