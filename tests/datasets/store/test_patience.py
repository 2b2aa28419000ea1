"""A server is asked again while it may come back, and no longer."""

import errno
from collections.abc import Iterator
from itertools import chain, repeat

import pytest

from datasets.store import patience
from datasets.store.errors import ContractError
from datasets.store.patience import Patience, Unanswered, may_pass, patiently


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """Seconds that have passed; sleeping takes no time but these."""
    now = [0.0]
    monkeypatch.setattr(patience.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(patience.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    monkeypatch.setattr(patience, "_answered", set())
    yield now


def test_a_server_that_is_away_for_less_than_a_minute_is_waited_for(clock: list[float]) -> None:
    def ask() -> str:
        if clock[0] < 50:
            raise ConnectionRefusedError("refused")
        return "here"

    assert patiently("s3://b/x", ask) == "here"
    assert 50 <= clock[0] <= 55


def test_what_fails_after_it_was_on_its_way_for_long_is_asked_again(clock: list[float]) -> None:
    def ask() -> str:
        if clock[0] < 100:
            clock[0] += 100  # a large file on a slow line
            raise ConnectionResetError("reset")
        return "here"

    assert patiently("s3://b/x", ask) == "here"


def test_a_server_that_stays_away_is_given_up_after_a_minute_in_one_line(clock: list[float]) -> None:
    answers = chain(repeat(OSError("gone\naway")))

    def ask() -> None:
        raise next(answers)

    said = r"^s3://b/x has not answered for 60 s \(OSError: gone away\); check the network .* then resume$"
    with pytest.raises(Unanswered, match=said):
        patiently("s3://b/x", ask)
    assert 55 <= clock[0] <= 60


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError("x"),
        FileExistsError("x"),
        PermissionError("403"),
        OSError(errno.EINVAL, "a bad request"),
        OSError(errno.ENOSPC, "full"),
        RuntimeError("Unable to locate credentials"),
        ContractError("damaged"),
        NotImplementedError(),
    ],
)
def test_what_asking_again_cannot_mend_is_told_at_once(error: Exception, clock: list[float]) -> None:
    def ask() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        patiently("s3://b/x", ask)
    assert caught.value is error and clock[0] == 0


def test_a_status_says_whether_asking_again_is_useful() -> None:
    def refused(status: int) -> Exception:
        error = RuntimeError(status)
        error.status = status  # type: ignore[attr-defined]
        return error

    assert [status for status in (401, 404, 408, 429, 500, 503) if may_pass(refused(status))] == [
        *(408, 429, 500, 503)
    ]


def test_a_server_that_never_answered_is_not_waited_for_long() -> None:
    def waited(url: str) -> float:
        asked, total = Patience(url, new=True), 0.0
        try:
            while True:
                pause = asked.after(ConnectionError("refused"))
                patience.time.sleep(pause)
                total += pause
        except ConnectionError:
            return total

    assert 0.5 < waited("s3://b/x") <= patience.FIRST
    patiently("s3://b/y", lambda: None)
    with pytest.raises(Unanswered):
        waited("s3://b/x")
    assert waited("s3://other/x") <= patience.FIRST
