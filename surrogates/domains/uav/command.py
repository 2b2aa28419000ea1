"""`surrogates uav stream`: predict a flight while it is flown, or replayed."""

import sys
import time as clock
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from surrogates.core.paths import local
from surrogates.core.text import printable
from surrogates.training.signals import Stopped

if TYPE_CHECKING:
    import numpy as np

    from surrogates.domains.uav.mavlink import MavlinkPositions
    from surrogates.domains.uav.session import Session

LINE_EVERY, PICTURE_EVERY = 0.5, 10.0  # s of our clock

TimeUnit = Literal["s", "ms", "us", "ns"]
Positions = Iterator["tuple[float, np.ndarray] | None"]


def stream(
    run: Annotated[
        str, typer.Argument(help="Folder of a run, or folder or URL of a bundle, that forecasts a position.")
    ],
    replay: Annotated[
        Path | None, typer.Option(parser=local, help="A log: .csv, .txt, .bag, a ROS 2 bag's folder, .ulg.")
    ] = None,
    mavlink: Annotated[
        str | None, typer.Option(help="A vehicle: udpin:127.0.0.1:14550, tcp:HOST:PORT, /dev/ttyACM0.")
    ] = None,
    topic: Annotated[str | None, typer.Option(help="Topic of a bag, if several fit.")] = None,
    time_unit: Annotated[TimeUnit | None, typer.Option(help="Unit of the stamps of a CSV file. [s]")] = None,
    key: Annotated[
        list[str] | None,
        typer.Option(
            help="Another key of the importer of such logs, as frame=ned or instance=1; repeatable."
        ),
    ] = None,
    speed: Annotated[
        float | None,
        typer.Option(help="1 replays as fast as it was flown; as fast as possible if not given."),
    ] = None,
    system: Annotated[
        int | None, typer.Option(help="System id of the vehicle; by default the first that keeps sending.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(help="Stop listening after this time; by default at Ctrl-C.")
    ] = None,
    max_gap: Annotated[
        float | None,
        typer.Option(help="Longest gap that is interpolated, s; a longer one empties the history. [5 steps]"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(parser=local, help="Picture, .png; with a vehicle it is redrawn every ten seconds."),
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option(parser=local, help="All predictions: now, time, east, north, up of each step ahead."),
    ] = None,
) -> None:
    """Predict a flight position by position, from a log or from a vehicle over MAVLink.

    \b
      surrogates uav stream RUN --replay flight.csv --out flight.png
      surrogates uav stream RUN --replay flight.bag --topic /mavros/local_position/odom --speed 1
      surrogates uav stream RUN --mavlink udpin:127.0.0.1:14550 --out now.png --csv predictions.csv

    Each position gives a prediction of the next second, once the history is full (2 s for most surrogates).
    A gap longer than --max-gap begins a new history. The line shows the time of the stream, its rate, the
    error at the end of the last prediction that can be checked, and the scores so far: ADE (mean distance
    over the horizon), FDE (at its end) and RMSE of a coordinate.

    A vehicle is heard through its message LOCAL_POSITION_NED; nothing is sent to it. PX4's simulator sends
    to port 14550; ask a real autopilot for at least 10 Hz of it (MAV_CMD_SET_MESSAGE_INTERVAL, message 32).
    """
    options = {"topic": topic, "time_unit": time_unit}
    options |= {name: value for name, _, value in (each.partition("=") for each in key or [])}
    _check(replay, mavlink, options, speed, system, seconds, out, csv)
    from surrogates.domains.uav.session import Session
    from surrogates.domains.uav.stream_plots import write_picture
    from surrogates.domains.uav.streaming import TrajectoryPredictor
    from surrogates.inference.surrogate import load

    with ExitStack() as stack:
        listener = None if mavlink is None else stack.enter_context(_listener(mavlink, system))
        surrogate = load(run, device="cpu")
        predictor = TrajectoryPredictor(surrogate, max_gap)
        session = stack.enter_context(Session(predictor, csv))
        title = f"{surrogate.bundle.manifest.name}, {mavlink or (replay.name if replay else '')}"
        if listener is not None:
            typer.echo(f"listening to {mavlink}; Ctrl-C ends it", err=True)
            positions = _heard(listener, seconds)
        else:
            assert replay is not None
            positions = _replayed(session, replay, options, speed)
        with suppress(KeyboardInterrupt, Stopped):
            _follow(session, positions, out if listener or speed else None, title)
        _end_line()
        if listener is not None and not session.times:
            raise ValueError(_unheard(listener, str(mavlink)))
        typer.echo(session.summary())
        if listener is not None and listener.others:
            typer.echo(f"not followed: {_listed(listener.others)}; choose one by --system", err=True)
        if session.refused:
            refusal = printable(session.refusal)
            typer.echo(f"warning: the last of {session.refused} refused: {refusal}", err=True)
        if csv is not None and session.predictions:
            typer.echo(f"predictions -> {csv}")
        if out is not None:
            write_picture(session, out, title)
            typer.echo(f"picture -> {out}")


def _follow(session: "Session", positions: Positions, picture: Path | None, title: str) -> None:
    """Push all positions; show the line, and redraw the picture if there is one."""
    from surrogates.domains.uav.stream_plots import write_picture

    shown = drawn = clock.monotonic()
    for found in positions:
        if found is not None:
            session.push(*found)
        now = clock.monotonic()
        if now - shown >= LINE_EVERY:
            _show_line(session.line())
            shown = now
        if picture is not None and now - drawn >= PICTURE_EVERY:
            write_picture(session, picture, title)
            drawn = clock.monotonic()


def _replayed(
    session: "Session", path: Path, options: dict[str, str | None], speed: float | None
) -> Positions:
    from datasets.uav.reading import read_flight

    flight = read_flight(path, **{name: value for name, value in options.items() if value is not None})
    segments = flight.segments
    start, begin = clock.monotonic(), float(flight.stamps[0])
    for number, (stamp, position) in enumerate(zip(flight.stamps, flight.position, strict=True)):
        if segments is not None and number and segments[number] != segments[number - 1]:
            session.predictor.reset()  # the estimator jumped there: no motion
        if speed is not None:
            clock.sleep(max(0.0, start + (float(stamp) - begin) / speed - clock.monotonic()))
        yield float(stamp), position


def _heard(listener: "MavlinkPositions", seconds: float | None) -> Positions:
    """Yield positions, and None at intervals, so that the line is updated in silence."""
    end = float("inf") if seconds is None else clock.monotonic() + seconds
    while (rest := end - clock.monotonic()) > 0:
        yield listener.receive(min(rest, LINE_EVERY))


def _listener(connection: str, system: int | None) -> "MavlinkPositions":
    from surrogates.domains.uav.mavlink import MavlinkPositions

    return MavlinkPositions(connection, system)


def _unheard(listener: "MavlinkPositions", connection: str) -> str:
    from surrogates.domains.uav.mavlink import MESSAGE

    if not listener.heard:
        return (
            f"nothing was heard at {connection}; expected {MESSAGE}. Does the vehicle send there, and is the "
            "port free of a ground station that takes its packets?"
        )
    found = ", ".join(f"{kind} of system {system}" for (system, kind), _ in listener.heard.most_common(5))
    whom = "" if listener.system is None else f" of system {listener.system}"
    return (
        f"no {MESSAGE}{whom} was heard at {connection}, but {found}. Ask the autopilot for it "
        "(MAV_CMD_SET_MESSAGE_INTERVAL, message 32), or choose another --system."
    )


def _listed(others: Mapping[tuple[int, int], int]) -> str:
    """Say who else sent positions, the commonest first."""
    most = sorted(others.items(), key=lambda item: -item[1])[:5]
    return ", ".join(
        f"{count} positions of system {system}, component {component}" for (system, component), count in most
    )


def _show_line(text: str) -> None:
    if sys.stderr.isatty():
        typer.echo(f"\r\x1b[K{text}", nl=False, err=True)
    else:
        typer.echo(text, err=True)


def _end_line() -> None:
    if sys.stderr.isatty():
        typer.echo("", err=True)


def _check(
    replay: Path | None,
    mavlink: str | None,
    options: dict[str, str | None],
    speed: float | None,
    system: int | None,
    seconds: float | None,
    out: Path | None,
    csv: Path | None,
) -> None:
    """Refuse options that do not fit together, before any work."""
    if (replay is None) == (mavlink is None):
        raise ValueError("give one source of positions: --replay FILE or --mavlink CONNECTION.")
    heard: dict[str, object] = {"--system": system, "--seconds": seconds}
    named = {"topic": "--topic", "time_unit": "--time-unit"}
    replayed: dict[str, object] = {
        named.get(name, f"--key {name}={value}"): value for name, value in options.items()
    }
    replayed["--speed"] = speed
    for name, value in (replayed if replay is None else heard).items():
        if value is not None:
            belongs = "--replay" if replay is None else "--mavlink"
            raise ValueError(f"{name} belongs to {belongs}; leave it out here.")
    for name, number in (("--speed", speed), ("--seconds", seconds)):
        if number is not None and not 0 < number < float("inf"):
            raise ValueError(f"{name} is {number:g}; expected a number above 0.")
    for path, suffix in ((out, ".png"), (csv, ".csv")):
        if path is not None and path.suffix != suffix:
            raise ValueError(f"the output is {path.name}; expected a name that ends in {suffix}.")
        if path is not None and path.exists():
            raise FileExistsError(f"{path} exists; remove it or choose another name.")
    if replay is not None and not replay.exists():
        raise FileNotFoundError(f"There is no log at {replay}.")
