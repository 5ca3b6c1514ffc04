from typing import Any

import pytest

from pipeline.engine.ops.pixeltype import NAMES, TABLE
from pipeline.engine.values import PixelType, named_type
from pipeline.errors import EngineError


def made(*args: Any) -> Any:
    return TABLE["PixelType"](*args)


@pytest.mark.parametrize("name", NAMES)
def test_named_types(name: str) -> None:
    assert TABLE[f"PixelType.{name}"]() == named_type(name)


def test_precision_with_limits() -> None:
    assert made("int", 0, 10, 0) == PixelType("int", 0, 10)
    assert made("int", None, None, 0) == named_type("int")
    assert made("float", None, None, 2) == PixelType("float", None, None, 2)
    assert made("uint8", None, None, 0) == named_type("uint8")
    assert made(named_type("int8"), None, 5, 1) == PixelType("int", -128, 5, 1)


def test_parts() -> None:
    kind = made("int", 0, 10, 1)
    parts = [TABLE[f"PixelType.{n}"](kind) for n in ("precision", "minValue", "maxValue", "dimensions")]
    assert parts == ["int", 0, 10, 1]


@pytest.mark.parametrize("args", [("text", None, None, 0), (1, None, None, 0), ("int", 5, 1, 0), ("int", 0, 1, -1)])
def test_mistakes_are_refused(args: tuple[Any, ...]) -> None:
    with pytest.raises(EngineError, match="PixelType"):
        made(*args)
