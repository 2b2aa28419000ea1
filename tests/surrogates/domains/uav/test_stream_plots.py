"""The picture of a stream: lines where something was measured and said, none across gaps."""

import numpy as np

from surrogates.domains.uav.session import Session
from surrogates.domains.uav.stream_plots import FANS, draw_stream, write_picture
from surrogates.domains.uav.streaming import TrajectoryPredictor


def test_way_and_fans_lie_where_they_were_and_break_at_a_gap(straight):
    session = Session(TrajectoryPredictor(straight))
    for time in np.r_[0.1 * np.arange(80), 20 + 0.1 * np.arange(80)]:
        session.push(time, (3.0 * time, 0.0, 5.0))
    figure = draw_stream(session, "a title")
    space, _colours, errors, growth = figure.axes
    way = np.array(space.lines[0].get_data_3d())
    assert np.isnan(way).any(axis=0).sum() == 1
    np.testing.assert_allclose(np.delete(way[0], 80)[[79, 80]], [3 * 7.9, 60.0])
    assert space.get_legend_handles_labels()[1] == ["measured", "history of the last", "last prediction"]
    (fans,) = space.collections
    assert len(fans.get_array()) == FANS
    assert all(np.isnan(line.get_ydata()).sum() == 1 for line in errors.lines)
    assert len(growth.lines[0].get_xdata()) == 10
    assert "a title: ADE 0.00 m" in figure.get_suptitle()


def test_a_picture_can_be_drawn_before_anything_is_known(straight, tmp_path):
    session = Session(TrajectoryPredictor(straight))
    write_picture(session, tmp_path / "new" / "now.png")
    session.push(0.0, (1.0, 2.0, 3.0))
    write_picture(session, tmp_path / "new" / "now.png")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["now.png"]
