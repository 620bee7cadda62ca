"""One Spark session for all tests with Spark, in a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from engines.spark import session


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    made = session.connect(session.on_one_machine(tmp_path_factory.mktemp("spark")))
    yield made
    made.stop()
