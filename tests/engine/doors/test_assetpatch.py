"""Updates of assets: what the mask names is taken or deleted, all else stays."""

from typing import Any

import pytest

from pipeline.engine.doors.assetpatch import changed
from pipeline.errors import EngineError

OLD = {"a": 1, "b": 2, "system:time_start": 5, "system:footprint": {}}
DAY = "1970-01-02T00:00:00Z"


@pytest.mark.parametrize(
    ("given", "mask", "expected"),
    [
        ({"properties": {"a": 9, "b": 9}}, {"paths": ['properties."a"']}, OLD | {"a": 9}),
        ({"properties": {"a": None}}, {"paths": ["properties.a"]}, {k: v for k, v in OLD.items() if k != "a"}),
        ({"properties": {"c": 3}}, "properties", {"system:time_start": 5, "system:footprint": {}, "c": 3}),
        ({"start_time": DAY}, ["start_time"], OLD | {"system:time_start": 86_400_000}),
        ({"endTime": DAY}, {"paths": ["end_time"]}, OLD | {"system:time_end": 86_400_000}),
        ({"properties": {"c": 3}}, None, {"system:footprint": {}, "c": 3}),
    ],
)
def test_an_update_changes_what_its_mask_names(given: Any, mask: Any, expected: Any) -> None:
    assert changed(OLD, given, mask) == expected


@pytest.mark.parametrize("mask", [["bands"], {"paths": "a b"}, 7, [3]])
def test_masks_of_other_things_are_refused(mask: Any) -> None:
    with pytest.raises(EngineError, match=r"cannot be changed|must be a list"):
        changed(OLD, {}, mask)
