"""The plug-in of faults."""

import pytest

from tests.faults import installed


@pytest.fixture(scope="module")
def faults(tmp_path_factory):
    """Let the names of `tests.faults` be known."""
    with installed(tmp_path_factory.mktemp("faults")):
        yield
