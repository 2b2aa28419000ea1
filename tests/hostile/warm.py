"""Imported once by the process that all attempts are forked from."""

import platform

import dask.delayed  # noqa: F401  (unpickles functions of its own when it is imported)
import deepwave  # noqa: F401  (makes a folder for compiled code)
import hypothesis  # noqa: F401
import matplotlib.figure  # noqa: F401  (makes a folder of its own)
import numpy  # noqa: F401
import torch
import xarray  # noqa: F401
import zarr  # noqa: F401

import surrogates.cli.main
import surrogates.inference.bundle
import surrogates.inference.surrogate
import surrogates.runs.train  # noqa: F401

torch.set_num_threads(1)
platform.processor()  # calls `uname`, once in a process
