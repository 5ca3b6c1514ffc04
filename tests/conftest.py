"""Fixtures for all tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from pipeline.console import start_logging
from pipeline.engine.archive import FolderArchive
from tests.scenes import small_archive

settings.register_profile("house", max_examples=50, deadline=None)
settings.load_profile("house")


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> FolderArchive:
    """An archive of two simulated Sentinel-2 scenes; do not write to it."""
    return small_archive(Path(tmp_path_factory.mktemp("scenes")))


@pytest.fixture(autouse=True)
def _quiet_log() -> Iterator[None]:
    """Each test starts and ends with the log as the command line leaves it."""
    yield
    start_logging()
