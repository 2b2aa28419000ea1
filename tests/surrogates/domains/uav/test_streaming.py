"""A stream of positions: what is predicted when, and what is refused."""

import numpy as np
import pytest

from surrogates.domains.uav.streaming import TrajectoryPredictor
from surrogates.inference.errors import OutOfRangeWarning
from tests.silence import no_warnings

EPOCH = 1_763_973_000.0
VELOCITY = np.array([3.0, -2.0, 0.5])
START = np.array([10.0, 20.0, 5.0])


def place(time):
    """Where a flight at constant velocity is."""
    return START + np.multiply.outer(np.asarray(time) - EPOCH, VELOCITY)


def fly(predictor, times):
    return [predictor.push(time, place(time)) for time in times]


def test_predictions_start_when_the_history_is_full_and_lie_ahead(straight):
    predictor = TrajectoryPredictor(straight)
    assert not straight.seen  # nothing is asked before the stream
    times = EPOCH + 0.1 * np.arange(40)
    found = fly(predictor, times)
    assert [each is None for each in found] == [True] * 19 + [False] * 21
    assert predictor.resets == 0
    for time, each in zip(times[19:], found[19:], strict=True):
        assert each.time == time
        np.testing.assert_allclose(each.times - time, 0.1 * np.arange(1, 11), atol=1e-6)
        np.testing.assert_allclose(each.position, place(each.times), atol=1e-3)
        np.testing.assert_allclose(each.history, place(each.history_times), atol=1e-5)
        assert each.standard_deviation is None


def test_regular_stamps_reach_the_surrogate_as_they_are(straight):
    predictor = TrajectoryPredictor(straight)
    rng = np.random.default_rng(0)
    times, positions = 0.1 * np.arange(25), rng.normal(size=(25, 3))
    for time, position in zip(times, positions, strict=True):
        predictor.push(time, position)
    given = straight.seen[-1][0].double().numpy()
    np.testing.assert_allclose(given - given[-1], positions[5:] - positions[-1], atol=1e-6)


@pytest.mark.parametrize("rate", [4.0, 10.0, 30.0, 200.0])
def test_irregular_stamps_of_a_straight_flight_are_predicted_exactly(straight, rate):
    predictor = TrajectoryPredictor(straight)
    rng = np.random.default_rng(1)
    times = EPOCH + np.cumsum(rng.uniform(0.2, 1.8, int(6 * rate)) / rate)
    found = fly(predictor, times)
    full = [time - times[0] >= 1.9 - 1e-5 for time in times]
    assert [each is not None for each in found] == full
    for each in filter(None, found):
        np.testing.assert_allclose(each.position, place(each.times), atol=2e-3)
    assert predictor.hindsight.count > 0.5 * rate
    assert predictor.hindsight.rmse < 2e-3


def test_a_turn_between_two_stamps_is_interpolated_linearly(straight):
    predictor = TrajectoryPredictor(straight)
    for time in np.arange(20) * 0.1:
        predictor.push(time, (time, 0.0, 0.0))
    found = predictor.push(2.15, (1.9, 0.5, 0.0))  # 0.25 s after 1.9: the grid ends at 2.15
    # grid point 2.05 lies 0.15 / 0.25 of the way
    np.testing.assert_allclose(found.history[-2:], [[1.9, 0.3, 0.0], [1.9, 0.5, 0.0]], atol=1e-9)
    np.testing.assert_allclose(found.history[-3], [1.9, 0.1, 0.0], atol=1e-9)
    np.testing.assert_allclose(found.history[0], [0.25, 0.0, 0.0], atol=1e-9)


def test_a_pause_empties_the_history_and_nothing_is_predicted_until_it_is_full(straight):
    predictor = TrajectoryPredictor(straight)
    before = EPOCH + 0.1 * np.arange(30)
    after = before[-1] + 5.0 + 0.1 * np.arange(25)
    assert fly(predictor, before)[-1] is not None
    found = fly(predictor, after)
    assert predictor.resets == 1
    assert [each is None for each in found] == [True] * 19 + [False] * 6
    assert all((each.history_times >= after[0] - 1e-5).all() for each in filter(None, found))
    # 11 predictions before the pause, of which the first was complete at its end; 6 wait
    assert (predictor.hindsight.count, predictor.hindsight.abandoned) == (1, 10)


@pytest.mark.parametrize(("gap", "resets"), [(0.5, 0), (0.51, 1)])
def test_five_steps_are_bridged_and_more_are_not(straight, gap, resets):
    predictor = TrajectoryPredictor(straight)
    fly(predictor, EPOCH + 0.1 * np.arange(25))
    found = predictor.push(EPOCH + 2.4 + gap, place(EPOCH + 2.4 + gap))
    assert predictor.resets == resets
    assert (found is None) == bool(resets)


def test_a_longer_gap_is_bridged_where_it_is_allowed(straight):
    predictor = TrajectoryPredictor(straight, max_gap=2.0)
    fly(predictor, EPOCH + 0.1 * np.arange(25))
    found = predictor.push(EPOCH + 4.4, place(EPOCH + 4.4))
    np.testing.assert_allclose(found.position, place(found.times), atol=1e-3)


@pytest.mark.parametrize(
    ("time", "position", "words"),
    [
        (np.nan, (0, 0, 0), "the time is nan; expected a finite number"),
        (np.inf, (0, 0, 0), "the time is inf; expected a finite number"),
        ("late", (0, 0, 0), "the time is 'late'; expected seconds"),
        (9.0, (0, np.nan, 0), r"at 9.0 s is \[0.0, nan, 0.0\]; expected three finite"),
        (9.0, (0, 0, -np.inf), r"-inf\]; expected three finite"),
        (9.0, (0, 0), r"at 9.0 s is \(0, 0\); expected three numbers"),
        (9.0, np.zeros((3, 2)), "expected three numbers"),
        (9.0, 5.0, "is 5.0; expected three numbers"),
        (9.0, ("a", 0, 0), "expected three numbers"),
        (1.5, (0, 0, 0), r"stamp 1.5 s is 1.4 s before the newest one, 2.9 s; expected increasing"),
        (2.9, (0, 0, 0), "stamp 2.9 s has come twice; .* Drop the second"),
    ],
)
def test_what_is_no_position_is_refused_and_harms_nothing(straight, time, position, words):
    disturbed, quiet = TrajectoryPredictor(straight), TrajectoryPredictor(straight)
    rng = np.random.default_rng(2)
    track = rng.normal(size=(40, 3))
    for number in range(30):
        for predictor in (disturbed, quiet):
            predictor.push(round(0.1 * number, 1), track[number])
    with pytest.raises(ValueError, match=words) as caught:
        disturbed.push(time, position)
    assert "\n" not in str(caught.value)
    for number in range(30, 40):
        here, there = (each.push(round(0.1 * number, 1), track[number]) for each in (disturbed, quiet))
        np.testing.assert_array_equal(here.position, there.position)
    assert disturbed.hindsight.row() == quiet.hindsight.row()
    assert disturbed.resets == 0


def test_after_reset_a_clock_may_start_again(straight):
    predictor = TrajectoryPredictor(straight)
    fly(predictor, EPOCH + 0.1 * np.arange(25))
    predictor.reset()
    assert predictor.push(0.0, (0, 0, 0)) is None
    assert (predictor.resets, len(predictor)) == (0, 1)


def test_a_surrogate_that_needs_another_history_gets_it(make_surrogate):
    surrogate = make_surrogate(
        lambda past, ahead: {"position_forecast": past[:, :1] + 0 * ahead}, history=21, horizon=5, step=0.2
    )
    predictor = TrajectoryPredictor(surrogate)
    found = fly(predictor, EPOCH + 0.2 * np.arange(21))
    assert [each is None for each in found] == [True] * 20 + [False]
    assert found[-1].times.shape == (5,)
    np.testing.assert_allclose(found[-1].position, np.tile(START, (5, 1)), atol=1e-4)
    assert predictor.max_gap == pytest.approx(1.0)


def test_standard_deviations_come_along(make_surrogate):
    def answer(past, ahead):
        mean = past[:, -1:] + 0 * ahead
        return {"position_forecast": mean, "position_forecast_standard_deviation": 0.1 * ahead + 0 * mean}

    found = fly(TrajectoryPredictor(make_surrogate(answer)), EPOCH + 0.1 * np.arange(20))[-1]
    np.testing.assert_allclose(found.standard_deviation[:, 2], 0.1 * np.arange(1, 11), rtol=1e-6)


def test_far_from_the_origin_nothing_is_lost_to_float32(straight):
    predictor = TrajectoryPredictor(straight)
    origin = np.array([500_000.0, 5_400_000.0, 400.0])  # as in UTM: float32 has steps of half a metre
    for number in range(20):
        found = predictor.push(0.1 * number, origin + 0.1 * number * VELOCITY)
    np.testing.assert_allclose(found.position, origin + np.outer(found.times, VELOCITY), atol=1e-4)


def settle(past, ahead):
    """Knows the place where it was trained alone: the answer does not move along."""
    return {"position_forecast": 0.5 * past[:, -1:] + 0 * ahead}


def test_a_flight_outside_the_range_of_training_is_warned_of_once(make_surrogate):
    surrogate = make_surrogate(settle, ranges={"position": (-50.0, 50.0)}, moves_along=False)
    predictor = TrajectoryPredictor(surrogate)
    with no_warnings():
        for number in range(25):
            predictor.push(0.1 * number, (0.0, 49.0, 5.0))
    with pytest.warns(OutOfRangeWarning, match=r"position is 61 m, .* -50 to 50 m") as caught:
        for number in range(25, 30):
            predictor.push(0.1 * number, (0.0, 61.0, 5.0))
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_an_answer_that_moves_along_needs_no_range(make_surrogate):
    surrogate = make_surrogate(
        lambda past, ahead: {"position_forecast": past[:, -1:] + 0 * ahead}, ranges={"position": (-1.0, 1.0)}
    )
    with no_warnings():
        found = fly(TrajectoryPredictor(surrogate), EPOCH + 0.1 * np.arange(20))
    assert found[-1] is not None


def test_stamps_in_milliseconds_are_noticed(straight):
    predictor = TrajectoryPredictor(straight)
    with pytest.warns(UserWarning, match="10 positions in a row .* the last after 100 s"):
        for number in range(15):
            assert predictor.push(100.0 * number, (0, 0, 0)) is None
    assert predictor.resets == 14


def test_a_clock_in_other_units_is_followed_in_seconds(make_surrogate):
    predictor = TrajectoryPredictor(
        make_surrogate(
            lambda past, ahead: {"position_forecast": past[:, -1:] + 0 * ahead}, step=200.0, time_units="ms"
        )
    )
    found = fly(predictor, EPOCH + 0.2 * np.arange(20))
    assert [each is None for each in found] == [True] * 19 + [False]
    np.testing.assert_allclose(found[-1].times - found[-1].time, 0.2 * np.arange(1, 11), atol=1e-6)
    assert (predictor.step, predictor.max_gap) == pytest.approx((0.2, 1.0))


@pytest.mark.parametrize(("step", "units"), [(1.0, "1"), (0.1, "m"), (0.1, "moments")])
def test_steps_that_are_no_time_are_refused(make_surrogate, step, units):
    with pytest.raises(ValueError, match=r"needs samples that are seconds apart; 'time' .* has steps of"):
        TrajectoryPredictor(make_surrogate(settle, step=step, time_units=units))


def test_what_is_no_forecast_of_a_position_is_refused(make_surrogate, straight):
    for change, words in (
        ({"shape": (20,), "dims": ("trajectory", "time")}, r"found position \(time\) \(20,\) \[m\]"),
        ({"units": "m s-1"}, r"found position \(time, axis\) \(20, 3\) \[m s-1\]"),
        ({"dims": ("trajectory", "axis", "time")}, r"found position \(axis, time\)"),
        ({"name": "setpoint"}, r"found setpoint .* -> position_forecast"),
    ):
        other = make_surrogate(settle)
        other.inputs = {"position": other.inputs["position"].model_copy(update=change)}
        with pytest.raises(ValueError, match=words):
            TrajectoryPredictor(other)
    two = make_surrogate(settle)
    two.inputs |= {"velocity": two.inputs["position"].model_copy(update={"name": "velocity"})}
    with pytest.raises(ValueError, match=r"found position .*, velocity .* -> position_forecast"):
        TrajectoryPredictor(two)
    with pytest.raises(ValueError, match="max_gap is 0; expected seconds above 0"):
        TrajectoryPredictor(straight, max_gap=0)
