"""`surrogates uav stream`: a log or a vehicle in, a line, a table and a picture out."""

import os
import signal
import socket
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.image import imread

from datasets.uav import reading
from surrogates.cli.main import main
from surrogates.domains.uav import stream_plots

os.environ.setdefault("MAVLINK20", "1")
mavlink = pytest.importorskip("pymavlink.dialects.v20.common")


def command(*words):
    """Run it to a good end."""
    with pytest.raises(SystemExit) as end:
        main(["uav", "stream", *map(str, words)])
    assert end.value.code == 0


@pytest.fixture
def run(tmp_path, save_forecast):
    return save_forecast(tmp_path / "bundle", "rates", "whitening", 21)


@pytest.fixture
def log(tmp_path):
    """Six seconds, then a pause of 5 s, then four seconds, ten samples a second."""
    times = np.r_[np.arange(60), 110 + np.arange(40)] * 0.1
    rows = [f"{t:.1f}, {2 * t:.4f}, {-t:.4f}, 5.0" for t in times]
    path = tmp_path / "flight.csv"
    path.write_text("\n".join(["timestamp, tx, ty, tz", *rows]))
    return path


@pytest.fixture
def vehicle():
    """Sends positions at 50 Hz to a port until told to stop; the port, and how to stop."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    over = threading.Event()

    def fly():
        sender = mavlink.MAVLink(None, srcSystem=3, srcComponent=1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            number = 0
            while not over.wait(0.004):  # five times as fast as its stamps say
                number += 1
                message = mavlink.MAVLink_local_position_ned_message(
                    20 * number, 0.04 * number, 0.1 * number, -5.0, 0, 0, 0
                )
                out.sendto(message.pack(sender), ("127.0.0.1", port))

    thread = threading.Thread(target=fly)
    thread.start()
    yield f"udpin:127.0.0.1:{port}"
    over.set()
    thread.join()


def test_a_log_is_replayed_into_a_picture_and_a_table(run, log, tmp_path, capsys):
    picture, table = tmp_path / "new" / "flight.png", tmp_path / "new" / "predictions.csv"
    command(run, "--replay", log, "--out", picture, "--csv", table)
    out = capsys.readouterr().out
    # 21 points fill the history: 40 predictions before the pause and 20 after, 30 and 10 of them to the end
    assert "100 positions, 60 predictions, 40 scored" in out
    assert "resets 1" in out and "refused" not in out
    rows = np.genfromtxt(table, delimiter=",", names=True)
    assert rows.dtype.names == ("now", "time", "east", "north", "up")
    assert len(rows) == 600
    np.testing.assert_allclose(rows["now"][:10], 2.0)
    np.testing.assert_allclose(rows["time"][:10], 2.0 + 0.1 * np.arange(1, 11))
    assert imread(picture).shape[2] == 4
    assert sorted(path.name for path in picture.parent.iterdir()) == ["flight.png", "predictions.csv"]


@pytest.mark.parametrize("words", [["--time-unit", "ms"], ["--key", "time_unit=ms"]])
def test_stamps_of_a_log_can_be_milliseconds(run, log, capsys, words):
    header, *rows = log.read_text().splitlines()
    in_ms = [f"{1000 * float(stamp):.0f},{rest}" for stamp, rest in (row.split(",", 1) for row in rows)]
    log.write_text("\n".join([header, *in_ms]))
    command(run, "--replay", log, *words)
    assert "100 positions, 60 predictions, 40 scored" in capsys.readouterr().out


def test_a_jump_of_the_estimator_is_no_motion(run, log, monkeypatch, capsys):
    flight = reading.read_flight(log)
    segments = (flight.stamps >= 3.0).astype(int)
    monkeypatch.setattr(reading, "read_flight", lambda path: replace(flight, segments=segments))
    command(run, "--replay", log)
    # before the jump 10 predictions of which none ends, then 10 of which none ends, and 20 after the pause
    assert "100 positions, 40 predictions, 10 scored" in capsys.readouterr().out


def test_a_replay_can_take_its_time(run, log, capsys):
    begin = time.monotonic()
    command(run, "--replay", log, "--speed", 20)
    assert time.monotonic() - begin > 14.9 / 20
    captured = capsys.readouterr()
    assert "filling the history of 2 s" in captured.err or " Hz  " in captured.err


def test_a_vehicle_is_heard_for_some_seconds_and_its_picture_kept_fresh(
    run, vehicle, tmp_path, capsys, monkeypatch
):
    drawn = []
    monkeypatch.setattr("surrogates.domains.uav.command.PICTURE_EVERY", 0.3)
    monkeypatch.setattr(stream_plots, "write_picture", lambda session, *_: drawn.append(session.predictions))
    command(run, "--mavlink", vehicle, "--seconds", 2.5, "--out", tmp_path / "now.png")
    captured = capsys.readouterr()
    assert f"listening to {vehicle}" in captured.err
    assert " 50 Hz  last error " in captured.err
    assert " scored; ADE" in captured.out
    assert len(drawn) >= 3 and drawn[-1] > drawn[0]


def test_interrupt_ends_the_stream_and_draws(run, vehicle, tmp_path, capsys, monkeypatch):
    drawn = []

    def draw_and_press(session, path, title):
        drawn.append(path)
        if len(drawn) == 1:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr("surrogates.domains.uav.command.PICTURE_EVERY", 0.5)
    monkeypatch.setattr(stream_plots, "write_picture", draw_and_press)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # the tests may run in the background
    try:
        command(run, "--mavlink", vehicle, "--out", tmp_path / "now.png")
    finally:
        signal.signal(signal.SIGINT, before)
    assert drawn == 2 * [tmp_path / "now.png"]
    assert " predictions, " in capsys.readouterr().out


def test_silence_is_explained(run, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["uav", "stream", str(run), "--mavlink", "udpin:127.0.0.1:0", "--seconds", "0.2"])
    assert "nothing was heard at udpin:127.0.0.1:0; expected LOCAL_POSITION_NED" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "give one source of positions: --replay FILE or --mavlink CONNECTION"),
        (["--replay", "LOG", "--mavlink", "udpin:127.0.0.1:0"], "give one source"),
        (["--replay", "LOG", "--seconds", "3"], "--seconds belongs to --mavlink"),
        (["--mavlink", "udpin:127.0.0.1:0", "--speed", "2"], "--speed belongs to --replay"),
        (["--mavlink", "udpin:127.0.0.1:0", "--time-unit", "ms"], "--time-unit belongs to --replay"),
        (
            ["--replay", "LOG", "--topic", "/odom"],
            "flight.csv cannot be read with topic; options of its kind",
        ),
        (["--mavlink", "udpin:127.0.0.1:0", "--key", "frame=ned"], "--key frame=ned belongs to --replay"),
        (["--replay", "LOG", "--key", "time_unit=h"], "flight.csv: time_unit is 'h'. Input should be 's', "),
        (["--replay", "LOG", "--speed", "0"], "--speed is 0; expected a number above 0"),
        (["--replay", "LOG", "--out", "a.svg"], "the output is a.svg; expected a name that ends in .png"),
        (["--replay", "LOG", "--csv", "LOG"], "flight.csv exists; remove it or choose another name"),
        (["--replay", "nowhere.csv"], "There is no log at nowhere.csv"),
        (["--replay", "LOG", "--max-gap", "-1"], "max_gap is -1.0; expected seconds above 0"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(run, log, capsys, words, expected):
    with pytest.raises(SystemExit, match="2"):
        main(["uav", "stream", str(run), *(word.replace("LOG", str(log)) for word in words)])
    error = capsys.readouterr().err.strip()
    assert error.startswith("error: ") and "\n" not in error
    assert expected in error
