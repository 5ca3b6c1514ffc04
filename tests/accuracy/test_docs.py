"""The examples of the page on accuracy are true."""

import re
from pathlib import Path
from typing import Any

import pytest

from pipeline.artifacts.design import Design

PAGE = (Path(__file__).parents[2] / "docs" / "accuracy.md").read_text("utf-8")


def test_the_script_runs(capsys: pytest.CaptureFixture[str]) -> None:
    [block] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(block, names)
    said = capsys.readouterr().out
    assert "value=" in said and "McNemar(" in said


def test_the_record_is_one() -> None:
    [block] = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert Design.model_validate_json(block).simple
