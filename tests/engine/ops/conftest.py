"""A session without an archive, for ops that are called by name."""

import pytest

from pipeline.engine.session import Session


@pytest.fixture(scope="session")
def session() -> Session:
    return Session(workers=2)
