"""Imported once by the process that all attempts and kills are forked from."""

import gc
import platform

import dask.array
import dask.delayed  # noqa: F401  (unpickles functions of its own when it is imported)
import deepwave  # noqa: F401  (makes a folder for compiled code)
import hypothesis  # noqa: F401
import matplotlib.backends.backend_agg
import matplotlib.figure  # noqa: F401  (makes a folder of its own)
import numpy  # noqa: F401
import optuna.samplers
import optuna.storages  # noqa: F401
import torch
import torch.utils.tensorboard
import xarray  # noqa: F401
import zarr  # noqa: F401

import datasets.factory.build  # noqa: F401
import surrogates.cli.main
import surrogates.cli.predict
import surrogates.cli.sweep
import surrogates.cli.train
import surrogates.evaluation.baselines
import surrogates.inference.bundle
import surrogates.inference.surrogate
import surrogates.learning.objectives
import surrogates.models.mlp
import surrogates.report.page
import surrogates.report.sweeps
import surrogates.runs.sweep
import surrogates.runs.train
import surrogates.training.optimisers  # noqa: F401

torch.set_num_threads(1)
platform.processor()  # calls `uname`, once in a process
gc.collect()
gc.freeze()  # a child that looks for garbage copies no page of what is imported here
