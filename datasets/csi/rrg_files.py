"""Importer of the published files of CSI-RRG: a folder for each scenario, with three tensors of torch."""

from __future__ import annotations

import re
from functools import cached_property, lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Self

import numpy as np
import xarray as xr
from pydantic import Field, model_validator

from datasets.csi import variables
from datasets.csi.bands import Bands
from datasets.csi.scenarios import Scenario
from datasets.csi.torch_files import mapped_tensor
from datasets.factory.errors import BuildError
from datasets.factory.folders import FolderImport
from datasets.factory.left_out import LeftOut
from datasets.factory.mapping import SplitMapping
from datasets.factory.recipe import Arrays
from datasets.store.specs import TEST, Split, VariableSpec
from physics.channels.cdl import MODELS
from physics.channels.checks import check_delay_spread, check_speed
from physics.channels.sounding import Sounding

if TYPE_CHECKING:
    from torch import Tensor

SOUNDING = Sounding()
BANDS = Bands(300, 150, 300, 30e3)
HISTORY, HORIZON = 16, 4
FILES = {
    variables.HISTORY: "H_U_hist.pt",
    variables.UPLINK: "H_U_pred.pt",
    variables.DOWNLINK: "H_D_pred.pt",
}
FOLDER = re.compile(r"cm_([A-Z])_ds_(\d+)_ms_(\d+)")
TESTED = re.compile(r"(?<![a-z])test(ing)?(?![a-z])", re.IGNORECASE)
"""A folder between that of the import and the scenarios that says so holds records of the test."""


class _Folder(NamedTuple):
    """The folder of a scenario."""

    path: Path
    scenario: Scenario
    records: int
    tested: bool


class RRGFiles(FolderImport):
    """CSI-RRG as published: past and next uplink and next downlink of 32 antennas and 300 subcarriers."""

    name: ClassVar[str] = "csi/rrg_files"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "CSI-RRG as published (made by `surrogates data import csi/rrg_files`)"
    formats: ClassVar[tuple[str, ...]] = ("torch",)
    patterns: ClassVar[tuple[str, ...]] = ("**/[!.]*.pt",)
    layout: ClassVar[str] = f"folders like cm_A_ds_030_ms_010 with {', '.join(FILES.values())}"

    validation: float = Field(0.1, ge=0, lt=1, description="Share of the training records for validation.")
    test: float = Field(
        0.1,
        ge=0,
        le=1,
        description="Share for the test, where no folder is named for it; 1 with validation=0.",
    )
    data_license: str = Field("unspecified", description="Licence of the data.")

    @model_validator(mode="after")
    def _leaves_a_rest(self) -> Self:
        SplitMapping(validation=self.validation, test=self.test)
        return self

    def attributes(self) -> dict[str, str]:
        return {
            "title": self.title,
            "license": self.data_license,
            "specification": "3GPP TR 38.901, by sionna 1.1",
            "doppler": "csi-rrg",
            "power_normalisation": "as published: mean power 1 over 32 antennas, 1400 symbols and 750 "
            "subcarriers (gap included) of each sample",
        }

    def prepare(self) -> None:
        super().prepare()
        if not self.records():
            raise BuildError(f"{self._folders[0].path} holds no records; expected {self.layout}")

    def remarks(self) -> list[str]:
        """Say which scenarios were found."""
        scenarios = [each.scenario for each in self._folders]
        models = sorted({each.model for each in scenarios})
        return [
            f"{len(scenarios)} folders, {self.records()} records: models {', '.join(models)}, delay spreads "
            f"{min(each.delay_spread for each in scenarios) * 1e9:g} to "
            f"{max(each.delay_spread for each in scenarios) * 1e9:g} ns, speeds "
            f"{min(each.speed for each in scenarios):g} to {max(each.speed for each in scenarios):g} m/s; "
            f"{sum(each.tested for each in self._folders)} folders are named for a test",
        ]

    def left_out(self) -> list[LeftOut]:
        files = self._files(Path(self.folder))
        others = [path for path in files if path.name not in FILES.values()]
        example = f" ({others[0].name})" if others else ""
        return [LeftOut("files", len(files), {}, {f"of another name{example}": len(others)})]

    def records(self) -> int:
        return sum(each.records for each in self._folders)

    def unit_records(self) -> int:
        return min(50, self.records())

    @classmethod
    def card_specs(cls) -> list[VariableSpec]:
        return cls.model_construct().specs()

    def specs(self) -> list[VariableSpec]:
        channels = variables.channel_specs(SOUNDING, HISTORY, HORIZON, BANDS)
        exact = [spec.model_copy(update={"repeatability": 0.0}) for spec in channels]
        return [*exact, *variables.SCENARIO]

    def shared(self) -> xr.Dataset:
        return variables.coordinates(SOUNDING, HISTORY, HORIZON, BANDS)

    def splits(self) -> list[Split]:
        """Return the split: folders named for a test, and drawn records of the others."""
        counts = [each.records for each in self._folders]
        tested = np.repeat([each.tested for each in self._folders], counts)
        drawn = SplitMapping(validation=self.validation, test=0 if tested.any() else self.test)
        labels = np.full(len(tested), TEST)
        if not tested.all():
            labels[~tested] = drawn.draw("split", np.arange((~tested).sum()), self.seed, 0).labels
        return [
            Split(
                labels=labels,
                keeps_whole="none",
                description="folders named for a test, and validation drawn from the others"
                if tested.any()
                else "drawn at random by the import: no folder is named for a test",
            )
        ]

    def simulate(self, indices: np.ndarray, rngs: list[np.random.Generator]) -> Arrays:
        ends = np.cumsum([each.records for each in self._folders])
        owners = np.searchsorted(ends, indices, side="right")
        inside = indices - (ends - [each.records for each in self._folders])[owners]
        scenarios = [self._folders[owner].scenario for owner in owners]
        channels = {
            name: np.stack(
                [
                    _record(self._folders[owner].path / file, int(row))
                    for owner, row in zip(owners, inside, strict=True)
                ]
            )
            for name, file in FILES.items()
        }
        return channels | {
            "channel_model": np.array([MODELS.index(each.model) for each in scenarios], np.int8),
            "delay_spread": np.array([each.delay_spread for each in scenarios], np.float32),
            "speed": np.array([each.speed for each in scenarios], np.float32),
        }

    def software(self) -> dict[str, str]:
        return {name: version(name) for name in ("numpy", "torch")}

    @cached_property
    def _folders(self) -> list[_Folder]:
        """The folders of scenarios, by name."""
        super().prepare()  # other files than those the import began with say nothing of it
        given = Path(self.folder)
        root = given.parent if given.is_file() else given
        paths = sorted({path.parent for path in self._files(given) if path.name in FILES.values()})
        if not paths:
            raise BuildError(f"{given} holds none of {', '.join(FILES.values())}; expected {self.layout}")
        return [_folder(path, root.absolute()) for path in (path.absolute() for path in paths)]


def _folder(path: Path, root: Path) -> _Folder:
    """Return the folder of a scenario, its tensors checked."""
    match = FOLDER.fullmatch(path.name)
    if match is None or match[1] not in MODELS:
        raise BuildError(
            f"{path} is called '{path.name}', a name like cm_A_ds_030_ms_010 expected (model A to E, delay "
            "spread in ns, speed in m/s); rename it"
        )
    scenario = Scenario(match[1], 1e-9 * int(match[2]), float(match[3]))
    try:
        check_delay_spread(scenario.delay_spread)
        check_speed(scenario.speed)
    except ValueError as error:
        raise BuildError(f"{path}: {error}") from None
    counts = {}
    for name, file in FILES.items():
        if not (path / file).exists():
            raise BuildError(f"{path} lacks {file}, expected {', '.join(FILES.values())}; fetch it again")
        counts[file] = _checked(path / file, HISTORY if name == variables.HISTORY else HORIZON)
    if len(set(counts.values())) > 1:
        found = ", ".join(f"{file} {count}" for file, count in counts.items())
        raise BuildError(f"{path}: numbers of records differ ({found}); fetch the files again")
    tested = any(TESTED.search(part) for part in path.relative_to(root).parts)
    return _Folder(path, scenario, counts[FILES[variables.HISTORY]], tested)


def _checked(path: Path, snapshots: int) -> int:
    """Return the records of a file; refuse another type or shape."""
    tensor = _mapped(path)
    expected = (SOUNDING.panel.ports, snapshots, BANDS.uplink)
    if str(tensor.dtype) != "torch.complex64" or tensor.ndim != 4 or tuple(tensor.shape[1:]) != expected:
        raise BuildError(
            f"{path} holds {str(tensor.dtype).removeprefix('torch.')} of shape {tuple(tensor.shape)}, "
            f"complex64 of shape (records, {', '.join(map(str, expected))}) expected; other data are read by "
            "`surrogates data import generic`"
        )
    return len(tensor)


def _record(path: Path, row: int) -> np.ndarray:
    values = _mapped(path)[row].resolve_conj().numpy()
    if not np.isfinite(values).all():
        raise BuildError(f"{path}, record {row}: NaN or infinite values found; fetch the file again")
    return values


@lru_cache(maxsize=16)
def _mapped(path: Path) -> Tensor:
    return mapped_tensor(path)
