"""Settings that must be in place before anything imports scipy."""

import os
import sys

import pytest
from hypothesis import HealthCheck, settings

# scikit-learn's checks of array API input run only with this switch, which
# scipy reads when it is first imported.
os.environ["SCIPY_ARRAY_API"] = "1"

# The same cases in every run: a push is not judged by another push's luck.
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")
# For a night: --hypothesis-profile=long. Tests that walk the estimators take
# their number of cases from it, see test_bad_input.py.
settings.register_profile(
    "long",
    max_examples=3000,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)


def pytest_collection_modifyitems(items):
    """Refuse names that differ between processes: xdist could not share the work."""
    for item in items:
        if " at 0x" in item.nodeid:
            raise pytest.UsageError(f"an address is part of the name {item.nodeid!r}")


@pytest.fixture(autouse=True)
def _no_idle_workers():
    """End joblib's processes with the test that started them.

    They leave by themselves after minutes without work; a test that asks for them
    just then may wait for ever.
    """
    yield
    loky = sys.modules.get("joblib.externals.loky.reusable_executor")
    if loky is not None and loky._executor is not None:
        loky._executor.shutdown(wait=True, kill_workers=True)
