"""What every test starts from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def plain_logs() -> Iterator[None]:
    """Logging as it is before anybody configures it, so that no test's log level reaches the next one."""
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()
