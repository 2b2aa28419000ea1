"""Recipe `csi/rrg`: channels between moving users and a base station, as in the benchmark CSI-RRG."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from importlib.metadata import version
from typing import Annotated, ClassVar, Self

import numpy as np
import xarray as xr
from pydantic import Field, model_validator

from datasets.csi import scenarios, variables
from datasets.csi.bands import Bands
from datasets.csi.scenarios import Scenario
from datasets.factory.recipe import Arrays, Recipe
from datasets.store.specs import TEST, TRAIN, VALIDATION, Split, VariableSpec
from physics.backend import physical_layer
from physics.channels.cdl import MODELS, Doppler
from physics.channels.checks import check_delay_spread, check_speed, one_of
from physics.channels.panel import Panel
from physics.channels.sounding import Sounding

UNIT = 50
"""Records of a unit: about half a second of work, 92 MB, at the size of the benchmark."""
PATTERN = (TEST, VALIDATION, *[TRAIN] * 9)
"""Subsets of consecutive samples of a scenario: of 1100, the 900, 100 and 100 of the benchmark."""

Models = Annotated[tuple[str, ...], Field(min_length=1)]
Numbers = Annotated[tuple[float, ...], Field(min_length=1)]


class RRG(Recipe):
    """Past and next uplink and next downlink of moving users; the benchmark CSI-RRG unless told otherwise."""

    name: ClassVar[str] = "csi/rrg"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Simulated channels of moving users by 3GPP's clustered delay lines, as in CSI-RRG"
    license: ClassVar[str] = "CC0-1.0"

    models: Models = Field(scenarios.SEEN_MODELS, description=f"Channel models, of {', '.join(MODELS)}.")
    delay_spreads: Numbers = Field(scenarios.SEEN_DELAY_SPREADS, description="RMS delay spreads, s.")
    speeds: Numbers = Field(scenarios.SEEN_SPEEDS, description="Speeds of the users, m/s.")
    samples_per_scenario: int = Field(
        1100, ge=1, description="Records of each combination of model, delay spread and speed."
    )
    held_out_models: tuple[str, ...] = Field((), description="Models that `split_generalisation` only tests.")
    held_out_delay_spreads: tuple[float, ...] = Field((), description="Delay spreads that it only tests, s.")
    held_out_speeds: tuple[float, ...] = Field((), description="Speeds that it only tests, m/s.")
    doppler: Doppler = Field(
        "ut", description="Angles that the Doppler shift follows from: the user's, or, as published, csi-rrg."
    )
    antenna_rows: int = Field(4, ge=1, le=64, description="Rows of the base station's panel.")
    antenna_columns: int = Field(4, ge=1, le=64, description="Columns of the base station's panel.")
    polarisations: int = Field(2, ge=1, le=2, description="Polarisations of each element of the panel.")
    carrier_frequency: float = Field(2.4e9, description="Hz.")
    subcarrier_spacing: float = Field(30e3, gt=0, le=1e6, description="Hz.")
    uplink_subcarriers: int = Field(300, ge=1, le=1 << 14, description="Subcarriers of the uplink.")
    gap_subcarriers: int = Field(150, ge=0, le=1 << 14, description="Subcarriers between both bands.")
    downlink_subcarriers: int = Field(300, ge=1, le=1 << 14, description="Subcarriers of the downlink.")
    snapshot_interval: float = Field(Sounding().interval, gt=0, description="Time between snapshots, s.")
    history: int = Field(16, ge=1, le=1 << 12, description="Snapshots of the past.")
    horizon: int = Field(4, ge=1, le=1 << 12, description="Snapshots to predict.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for model in self.models:
            one_of("models", model, MODELS)
        for spread in self.delay_spreads:
            check_delay_spread(spread)
        for speed in self.speeds:
            check_speed(speed)
        for name in ("models", "delay_spreads", "speeds"):
            values, held_out = getattr(self, name), getattr(self, f"held_out_{name}")
            if len(set(values)) < len(values):
                raise ValueError(f"{name}={_listing(values)}: each of them once expected")
            if unknown := set(held_out) - set(values):
                raise ValueError(
                    f"held_out_{name}={_listing(unknown)}: some of {name}={_listing(values)} expected"
                )
            if set(held_out) == set(values):
                raise ValueError(f"held_out_{name}={_listing(held_out)}: nothing is left to train on")
        _ = self.sounding
        return self

    @property
    def panel(self) -> Panel:
        """The antennas of the base station."""
        return Panel(self.antenna_rows, self.antenna_columns, self.polarisations)

    @property
    def sounding(self) -> Sounding:
        """Carrier, panel and instants of a record."""
        return Sounding(
            panel=self.panel,
            carrier_frequency=self.carrier_frequency,
            interval=self.snapshot_interval,
            snapshots=self.history + self.horizon,
        )

    @property
    def bands(self) -> Bands:
        """Subcarriers of uplink, gap and downlink."""
        return Bands(
            self.uplink_subcarriers, self.gap_subcarriers, self.downlink_subcarriers, self.subcarrier_spacing
        )

    @cached_property
    def scenarios(self) -> list[Scenario]:
        """Combinations of model, delay spread and speed; records lie scenario by scenario."""
        return scenarios.scenarios(self.models, self.delay_spreads, self.speeds)

    def prepare(self) -> None:
        physical_layer()

    def records(self) -> int:
        return len(self.scenarios) * self.samples_per_scenario

    def unit_records(self) -> int:
        return min(UNIT, self.samples_per_scenario)

    def specs(self) -> list[VariableSpec]:
        channels = variables.channel_specs(self.sounding, self.history, self.horizon, self.bands)
        return [*channels, *variables.SCENARIO]

    def shared(self) -> xr.Dataset:
        return variables.coordinates(self.sounding, self.history, self.horizon, self.bands)

    def splits(self) -> list[Split]:
        labels = np.tile(np.resize(PATTERN, self.samples_per_scenario), len(self.scenarios)).astype(np.int8)
        described = "of 11 samples of each scenario, 9 train, 1 validates, 1 tests"
        found = [Split(labels=labels, keeps_whole="none", description=described)]
        unseen = np.array([self._is_held_out(scenario) for scenario in self.scenarios])
        if unseen.any():
            whole = np.repeat(unseen, self.samples_per_scenario)
            found.append(
                Split(
                    name="split_generalisation",
                    labels=np.where(whole, TEST, np.where(labels == TEST, -1, labels)),
                    keeps_whole="none",
                    description="scenarios with a model, delay spread or speed that is held out test, as a "
                    "whole; the others train and validate as in `split`",
                )
            )
        return found

    def simulate(self, indices: np.ndarray, rngs: list[np.random.Generator]) -> Arrays:
        numbers = indices // self.samples_per_scenario
        parts = []
        for number in np.unique(numbers):
            own = [rngs[each] for each in np.flatnonzero(numbers == number)]
            parts.append(self._channels(self.scenarios[number], own))
        drawn = [self.scenarios[number] for number in numbers]
        return {
            **{name: np.concatenate([part[name] for part in parts]) for name in parts[0]},
            "channel_model": np.array([MODELS.index(scenario.model) for scenario in drawn], np.int8),
            "delay_spread": np.array([scenario.delay_spread for scenario in drawn], np.float32),
            "speed": np.array([scenario.speed for scenario in drawn], np.float32),
        }

    def attributes(self) -> dict[str, str]:
        from physics.channels.tr38901 import VERSION

        subcarriers = len(self.bands.frequencies)
        return super().attributes() | {
            "specification": f"3GPP TR 38.901 {VERSION}",
            "doppler": self.doppler,
            "power_normalisation": f"mean power 1 over {self.panel.ports} antennas, "
            f"{self.sounding.snapshots} snapshots and {subcarriers} subcarriers, gap included, of "
            "each sample",
        }

    def software(self) -> dict[str, str]:
        return {name: version(name) for name in ("numpy", "torch", "sionna-no-rt")}

    def _channels(self, scenario: Scenario, rngs: list[np.random.Generator]) -> Arrays:
        from physics.channels.cdl import cdl
        from physics.channels.response import frequency_response, normalised

        paths = cdl(
            scenario.model, scenario.delay_spread, scenario.speed, rngs, self.sounding, doppler=self.doppler
        )
        response = normalised(frequency_response(paths, self.bands.frequencies)).numpy()
        past, future = response[:, :, : self.history], response[:, :, self.history :]
        return {
            variables.HISTORY: past[..., self.bands.uplink_slice],
            variables.UPLINK: future[..., self.bands.uplink_slice],
            variables.DOWNLINK: future[..., self.bands.downlink_slice],
        }

    def _is_held_out(self, scenario: Scenario) -> bool:
        return (
            scenario.model in self.held_out_models
            or scenario.delay_spread in self.held_out_delay_spreads
            or scenario.speed in self.held_out_speeds
        )


def _listing(values: Iterable[object]) -> str:
    return ", ".join(sorted(str(value) for value in values))
