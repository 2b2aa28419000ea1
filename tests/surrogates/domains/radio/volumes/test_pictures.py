"""Planes of height as pictures, and a volume as a page that needs no network."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib import colormaps

from surrogates.domains.radio.volumes.block import write_block
from surrogates.domains.radio.volumes.pictures import CYCLE, VolumeSlices, draw_record
from surrogates.report.pictures import Examples
from tests.pieces.radio_volumes import volume_batch, volume_context, volume_slices

MOST = 6_000_000  # bytes


def shown() -> Examples:
    return volume_slices(Path())["examples"]


def test_slices_show_every_plane_with_errors_and_spread() -> None:
    figures = VolumeSlices()(shown())
    assert len(figures) == 4  # two quantities, each with its spread
    for title, figure in figures.items():
        columns = 1 if title.startswith("spread") else 3
        assert sum(bool(axes.images) for axes in figure.axes) == 2 * columns


def test_record_of_a_store_is_drawn_plane_by_plane() -> None:
    data = shown().data.isel(sample=0)
    for name in ("time_of_arrival", "zenith_of_arrival"):
        data[name] = (("z", "y", "x"), volume_batch()[name][0].numpy())
    for name in ("path_gain", "time_of_arrival", "azimuth_of_arrival", "zenith_of_arrival"):
        data[name].attrs["units"] = volume_context(name).targets[0].units
    figure = draw_record(data)
    assert sum(bool(axes.images) for axes in figure.axes) == 4 * 2


def test_north_has_one_colour_from_both_sides() -> None:
    ends = colormaps[CYCLE.colours]([0.0, 1.0])
    assert np.abs(ends[0] - ends[1]).max() < 0.02


def test_block_is_one_small_file_that_loads_nothing(tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    volume = shown().data.isel(sample=0)
    page = write_block(volume, tmp_path / "block.html").read_text(encoding="utf-8")
    assert len(page) < MOST
    assert "<script src=" not in page
    assert "twilight" not in page or "azimuth of arrival" in page
    assert "path gain" in page


def test_block_refuses_records_and_unknown_quantities(tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    data = shown().data
    with pytest.raises(ValueError, match=r"of one record: choose it by volume.isel"):
        write_block(data, tmp_path / "block.html")
    with pytest.raises(ValueError, match=r"no quantity 'path_gian'\. Did you mean 'path_gain'"):
        write_block(data.isel(sample=0), tmp_path / "block.html", ["path_gian"])
