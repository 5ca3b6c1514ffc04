from typing import Any

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from pipeline.engine.collection import Collection, Feature, features, images
from pipeline.engine.image import Image
from pipeline.engine.ops.bands import constant_band
from pipeline.engine.ops.imagecollection import TABLE
from pipeline.engine.plan import evaluate
from pipeline.engine.session import Session
from pipeline.errors import EngineError

GRID = GeoBox((2, 3), Affine.identity(), "EPSG:4326")


def image(index: str | None, **bands: float) -> Image:
    properties = {} if index is None else {"system:index": index}
    return Image(tuple(constant_band(n, v) for n, v in bands.items()), properties)


def values(made: Image) -> dict[str, tuple[float, bool]]:
    pixels = evaluate([b.plan for b in made.bands], GRID)
    return {b.name: (p.data[0, 0], bool(np.all(p.mask))) for b, p in zip(made.bands, pixels, strict=True)}


def test_images_are_numbered() -> None:
    made = TABLE["ImageCollection.fromImages"]([image(None), image("own"), image(None)])
    assert made.kind == "ImageCollection" and [i.id for i in made] == ["0", "1", "2"]


def test_to_bands_prefixes_indices() -> None:
    made = TABLE["ImageCollection.toBands"](images([image("a", x=1, y=2), image("b", x=3)]))
    assert values(made) == {"a_x": (1, True), "a_y": (2, True), "b_x": (3, True)}
    assert made.properties == {}
    with pytest.raises(EngineError, match="Duplicate band name 'a_x'"):
        TABLE["ImageCollection.toBands"](images([image("a", x=1), image("a", x=2)]))
    with pytest.raises(EngineError, match="not an image: Feature"):
        TABLE["ImageCollection.toBands"](features([Feature(None)]))


def test_merge_prefixes_ids() -> None:
    made = TABLE["ImageCollection.merge"](images([image("a", x=1)]), images([image("a", x=2)]))
    assert made.kind == "ImageCollection" and [i.id for i in made] == ["1_a", "2_a"]


@pytest.mark.parametrize(("overwrite", "expected"), [(False, ["x", "x_1"]), (True, ["x"])])
def test_combine_joins_namesakes(overwrite: bool, expected: list[str]) -> None:
    first, second = images([image("a", x=1), image("b", x=1)]), images([image("b", x=2), image("c", x=2)])
    (made,) = TABLE["ImageCollection.combine"](first, second, overwrite).elements
    assert made.id == "b" and made.names == expected
    assert values(made)[expected[-1]] == (2, True)


def test_cast_adds_what_an_image_lacks(session: Session) -> None:
    both = images([image("a", x=1), image("b", y=2, x=1)])
    arguments = {"collection": both, "bandTypes": {"x": "float", "y": "byte"}, "bandOrder": ["x", "y"]}
    made = session.call("ImageCollection.cast", arguments)
    assert [values(i) for i in made] == [{"x": (1, True), "y": (0, False)}, {"x": (1, True), "y": (2, True)}]
    assert [b.type.dtype for b in next(iter(made)).bands] == [np.float32, np.uint8]


def linked(
    source: Image, collection: Collection, bands: Any, properties: Any = None, key: str = "system:index"
) -> Image:
    made: Image = TABLE["Image.linkCollection"](source, collection, bands, properties, key)
    return made


def test_links_add_and_replace_bands_of_the_match() -> None:
    others = images([image("a", x=5, cloud=6), image("b", x=7, cloud=8)])
    assert values(linked(image("b", x=1, y=2), others, ["x", "cloud"])) == {
        "x": (7, True),
        "y": (2, True),
        "cloud": (8, True),
    }
    assert values(linked(image("b", x=1), others, "cloud")) == {"x": (1, True), "cloud": (8, True)}
    assert linked(image("b", x=1), others, None).names == ["x"]
    with pytest.raises(EngineError, match=r"'b' has no band 'z'. Available bands: \[x, cloud\]"):
        linked(image("b", x=1), others, "z")


def test_links_without_a_match_are_masked() -> None:
    others = images([image("a", cloud=6).with_properties({"system:index": "a", "p": 1})])
    made = linked(image("z", x=1), others, "cloud", ["p"])
    assert values(made) == {"x": (1, True), "cloud": (0, False)}
    assert made.bands[1].type == others.elements[0].bands[0].type
    assert made.properties == {"system:index": "z", "p": None}
    assert values(linked(image("z", x=1), images([]), "cloud"))["cloud"] == (0, False)


def test_links_match_by_other_properties_and_ask_the_index() -> None:
    found = image("q", cloud=3).with_properties({"day": 4, "p": "yes"})
    asked = []

    def narrow(condition: Any) -> Collection:
        asked.append(condition.args)
        return images([found])

    others = Collection("ImageCollection", lambda: pytest.fail("read everything"), narrow=narrow)
    made = linked(image("z", x=1).with_properties({"day": 4}), others, "cloud", "p", "day")
    assert values(made)["cloud"] == (3, True) and made.properties == {"day": 4, "p": "yes"}
    assert asked == [{"leftField": "day", "rightValue": 4}]
    with pytest.raises(EngineError, match="not a name"):
        linked(image("z", x=1), others, 3)
