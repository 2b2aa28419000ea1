"""What commands that build a store have in common: signals, progress, and how it ended."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from surrogates.cli.echo import echo
from surrogates.training.signals import Stopped


@contextmanager
def interruptible() -> Iterator[None]:
    """After a signal that ends a build, say that nothing is lost."""
    try:
        yield
    except Stopped as stopped:
        stopped.told = True
        echo(
            f"Stopped by {stopped.name}. Finished units are kept; the same command resumes the build.",
            err=True,
        )
        raise


def shown(progress: bool | None) -> dict[str, Any]:
    """Return the arguments of a build that show its progress."""
    return {"progress": progress is not False, "bar": progress or None}


def say_state(url: str, chosen: tuple[int, int] | None = None) -> None:
    """Say what of a store is complete; `chosen` is the slice that was built."""
    from shlex import quote

    from datasets.factory.build import is_final
    from datasets.store.layout import open_store

    store = open_store(url)
    done = len(store.complete_rows())
    if is_final(store):
        echo(f"{store.url} is complete: {store.records} records in {store.rows} shard rows.")
    elif chosen is not None:
        echo(
            f"Slice {chosen[0]}/{chosen[1]} is complete ({done} of {store.rows} shard rows of {store.url}). "
            f"After the last slice: surrogates data finalise {quote(store.url)}"
        )
