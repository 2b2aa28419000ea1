"""Small stores and bundles that tests of the packages have."""

from tests.surrogates.conftest import run_config, store  # noqa: F401
from tests.surrogates.domains.uav.conftest import save_forecast  # noqa: F401
