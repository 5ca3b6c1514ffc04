import pytest

from pipeline.engine.doors.discovery import document
from pipeline.engine.doors.rest import VERBS, fields, integer, member, number, page, route
from pipeline.errors import EngineError


def example(path: str) -> str:
    """A path of the verb, each field filled with something that fits."""
    places = {
        "config": "projects/my-project/config",
        "operations": "projects/my-project/operations/AB12",
        "maps": "projects/my-project/maps/ab",
    }
    path = path.replace("{parent=projects/[^/]+/maps/[^/]+}", places["maps"])
    for word in ("thumbnails", "videoThumbnails", "filmstripThumbnails", "tables", "operations"):
        path = path.replace("{name=projects/[^/]+/" + word + "/[^/]+}", f"projects/my-project/{word}/ab")
    path = path.replace("{name=projects/[^/]+/config}", places["config"]).replace("{name=projects/[^/]+}", "projects/p")
    for field in ("name=projects/[^/]+/assets/?.*", "name=projects/[^/]+/assets/.*", "parent=projects/[^/]+/assets/.*"):
        path = path.replace("{" + field + "}", "projects/my-project/assets/a/b")
    for field in ("resource", "asset", "sourceName"):
        path = path.replace("{" + field + "}", "projects/my-project/assets/a/b")
    for field in ("parent", "project"):
        path = path.replace("{" + field + "}", "projects/my-project")
    return path.replace("{zoom}/{x}/{y}", "3/4/5")


@pytest.mark.parametrize("verb", VERBS, ids=lambda v: v.name)
@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_each_verb_is_found_by_its_own_path(verb, version):
    found = route(verb.http, f"/{version}/{example(verb.path)}", "", b"")
    assert found.verb is verb
    assert set(found.path) == {name for name, _ in fields(verb)}


@pytest.mark.parametrize("verb", VERBS, ids=lambda v: v.name)
def test_each_verb_is_in_the_discovery_document(verb):
    place = document("http://x")["resources"]["projects"]
    *resources, method = verb.name.split(".")
    for resource in resources:
        place = place["resources"][resource]
    found = place["methods"][method]
    assert found["httpMethod"] == verb.http
    assert set(found["parameterOrder"]) == {name for name, _ in fields(verb)}
    assert "=" not in found["path"]


def test_the_client_builds_methods_from_the_document():
    from googleapiclient.discovery import build_from_document

    built = build_from_document(document("http://127.0.0.1:1"))
    projects = built.projects()
    request = projects.maps().tiles().get(parent="projects/my-project/maps/ab", zoom=3, x=4, y=5)
    assert request.uri.startswith("http://127.0.0.1:1/v1/projects/my-project/maps/ab/tiles/3/4/5")
    request = projects.assets().listAssets(parent="projects/my-project/assets/a b", filter="x", view="BASIC")
    assert "/v1/projects/my-project/assets/a%20b:listAssets" in request.uri
    assert projects.assets().listAssets_next and projects.operations().list_next and projects.listAssets_next


@pytest.mark.parametrize("path", ["/", "/v1", "/v2/projects/p/value:compute", "/v1/projects/p/nothing:here"])
def test_other_paths_are_not_found(path):
    with pytest.raises(EngineError) as found:
        route("POST", path, "", b"")
    assert found.value.code == 404


@pytest.mark.parametrize(("given", "wanted"), [(3, 3.0), ("3", 3.0), ({"value": "7"}, 7.0), (None, None), ({}, None)])
def test_numbers_come_plain_as_text_and_wrapped(given, wanted):
    assert number(given, "n") == wanted


@pytest.mark.parametrize("given", ["x", [], True, "1.5", float("inf"), float("nan"), "1e400"])
def test_what_is_no_whole_number_is_refused(given):
    with pytest.raises(EngineError):
        integer(given, "n")


def test_members_are_checked():
    assert member({"a": None}, "a", str, "d") == "d"
    with pytest.raises(EngineError, match="Invalid value at 'a'"):
        member({"a": True}, "a", int)


def test_pages():
    assert page(None, None) == (0, 1000)
    assert page("5", "10") == (10, 5)
    with pytest.raises(EngineError):
        page(-1, None)
