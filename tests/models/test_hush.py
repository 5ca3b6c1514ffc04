"""Native chatter is lost, Python's exceptions and what comes afterwards are not; TensorFlow's warnings are for us."""

import logging
import os

import pytest

from pipeline.models import hushed


def test_only_what_is_written_meanwhile_is_lost(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="kept"), hushed():
        os.write(2, b"chatter")
        raise ValueError("kept")
    os.write(2, b"after")
    assert capfd.readouterr().err == "after"
    log = logging.getLogger("tensorflow")
    assert not log.isEnabledFor(logging.WARNING)
    assert log.isEnabledFor(logging.ERROR)
