"""A stream from its first position to its last: bad messages are counted, tables hold what was said."""

import csv

import numpy as np
import pytest

from surrogates.domains.uav.session import Session
from surrogates.domains.uav.streaming import TrajectoryPredictor


def fly(session, count, start=0.0):
    for time in start + 0.1 * np.arange(count):
        session.push(time, (2.0 * time, -time, 5.0))


def test_what_is_refused_is_counted_and_the_stream_goes_on(straight):
    session = Session(TrajectoryPredictor(straight))
    fly(session, 15)
    session.push(1.45, (np.nan, 0.0, 0.0))
    session.push(0.3, (0.6, -0.3, 5.0))
    fly(session, 15, start=1.5)
    assert (session.refused, session.predictions) == (2, 11)
    assert "0.3 s is 1.1 s before the newest one" in session.refusal
    assert session.predictor.hindsight.rmse < 1e-3
    assert session.line().endswith("refused 2")


def test_the_line_says_what_is_known_so_far(straight):
    session = Session(TrajectoryPredictor(straight))
    assert session.line() == "no position yet"
    fly(session, 10)
    assert session.line() == "0.9 s  10 Hz  filling the history of 1.9 s"
    fly(session, 12, start=1.0)
    assert session.line() == "2.1 s  10 Hz  3 predictions, none scored yet"
    fly(session, 10, start=2.2)
    assert session.line() == "3.1 s  10 Hz  last error 0.00 m  ADE 0.00  FDE 0.00  RMSE 0.00 m"


def test_a_table_appears_with_the_first_prediction_and_holds_deviations(make_surrogate, tmp_path):
    def answer(past, ahead):
        mean = past[:, -1:] + 0 * ahead
        return {"position_forecast": mean, "position_forecast_standard_deviation": 0.1 * ahead + 0 * mean}

    path = tmp_path / "new" / "said.csv"
    with Session(TrajectoryPredictor(make_surrogate(answer)), path) as session:
        fly(session, 19)
        assert not path.exists()
        fly(session, 2, start=1.9)
        lines = path.read_text().splitlines()
        assert len(lines) == 21  # each line is there as soon as it is said
    rows = list(csv.DictReader(lines))
    assert float(rows[10]["now"]) == pytest.approx(2.0)
    assert float(rows[12]["time"]) == pytest.approx(2.3)
    assert [float(rows[12][name]) for name in ("east", "north", "up")] == pytest.approx([4.0, -2.0, 5.0])
    assert float(rows[12]["up_standard_deviation"]) == pytest.approx(0.3)
