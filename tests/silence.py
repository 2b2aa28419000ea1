"""Code that has to run without a warning."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_warnings() -> Iterator[None]:
    """Make every warning of the code inside an error.

    What other tests left open is collected at any moment, and says so by a `ResourceWarning`: that is no
    warning of the code inside.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ResourceWarning)
        yield
