"""Collections are lazy, and compute each element once."""

from collections.abc import Iterator

from pipeline.engine.collection import Collection, Feature, features


def test_an_element_is_computed_once_and_only_when_looked_at() -> None:
    made: list[int] = []

    def source() -> Iterator[Feature]:
        for i in range(5):
            made.append(i)
            yield Feature(None, {"i": i})

    collection = Collection("FeatureCollection", source)
    assert made == []
    assert next(iter(collection)).properties["i"] == 0 and made == [0]
    pairs = [(a.properties["i"], b.properties["i"]) for a, b in zip(collection, collection, strict=True)]
    assert pairs == [(i, i) for i in range(5)] and made == [0, 1, 2, 3, 4]
    assert len(collection.elements) == 5 and made == [0, 1, 2, 3, 4]


def test_features_without_index_are_numbered() -> None:
    listed = features([Feature(None), Feature(None, {"system:index": "x"}), Feature(None)])
    assert [f.id for f in listed] == ["0", "x", "2"]


def test_properties_belong_to_the_collection() -> None:
    collection = features([Feature(None)]).with_properties({"a": 1})
    assert collection.properties == {"a": 1} and len(collection.elements) == 1
    assert collection.derive(lambda: []).properties == {"a": 1}
