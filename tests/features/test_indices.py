"""Which choices make two indices one and the same."""

from typing import Any

import pytest

import features


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, []),
        ({"lswi_nir": "B8"}, [("LSWI", "NDBI", -1)]),
        ({"ndri": "swir1_nir"}, [("NDBI", "NDRI", 1)]),
        ({"ndri": "swir1_green"}, [("NDWI", "NDRI", -1)]),
        ({"ndri": "swir1_green", "ndwi": "mcfeeters"}, []),
    ],
)
def test_aliases(options: dict[str, Any], expected: list[tuple[str, str, int]]) -> None:
    assert features.aliases(**options) == expected
