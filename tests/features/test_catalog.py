"""The one list of features: 31 codes, 112 bands, and everything that repeats them agrees."""

import re
from collections import Counter
from pathlib import Path

import features
from features import catalog, indices, sentinel2, tasseledcap, texture
from features.options import Options

GUIDE = Path(__file__).parents[2] / "docs" / "features.md"


def test_31_codes_make_112_bands() -> None:
    assert [f.code for f in catalog.FEATURES] == list(range(1, 32))
    assert len(catalog.BANDS) == 27 * 4 + 4 == 112
    assert len(set(catalog.names())) == 112 and len(set(catalog.names("sincos"))) == 113
    assert Counter(b.season for b in catalog.BANDS) == {"spring": 27, "summer": 27, "autumn": 27, "winter": 27, None: 4}
    groups = Counter(f.group for f in catalog.FEATURES)
    assert groups == {
        "spectral": 10, "index": 7, "tasseled cap": 3, "texture": 5, "radar": 2, "terrain": 3, "night light": 1
    }  # fmt: skip


def test_the_order_is_seasons_first_then_what_has_none() -> None:
    names = catalog.names()
    assert names[0] == "spring_blue" and names[26] == "spring_VH" and names[27] == "summer_blue"
    assert names[-4:] == ("elevation", "slope", "aspect", "NTL")
    assert catalog.names("sincos")[-5:] == ("elevation", "slope", "aspect_sin", "aspect_cos", "NTL")


def test_the_modules_measure_what_the_catalogue_lists() -> None:
    by_group = {
        g: tuple(f.name for f in catalog.FEATURES if f.group == g) for g in ("index", "tasseled cap", "texture")
    }
    assert by_group == {"index": indices.NAMES, "tasseled cap": tasseledcap.NAMES, "texture": texture.NAMES}
    assert dict(zip(sentinel2.NAMES, sentinel2.BANDS, strict=True)) == {
        f.name: f.formula for f in catalog.FEATURES if f.group == "spectral"
    }


def test_the_guide_prints_the_table_and_the_options() -> None:
    guide = GUIDE.read_text("utf-8")
    assert str(features.describe()) in guide
    for name, field in Options.__dataclass_fields__.items():
        default = "`None`" if field.default is None else f"`{field.default!r}`"
        assert re.search(rf"^\| `{name}` \| {re.escape(default)} \|", guide, re.MULTILINE), name


def test_the_table_is_one_of_features_and_prints_as_one() -> None:
    table = features.describe()
    assert list(table) == list(catalog.FEATURES)
    assert str(table).count("\n") == 32 and table._repr_markdown_() == str(table)
