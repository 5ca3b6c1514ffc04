import importlib
import socket
import subprocess
import sys

import pytest
import requests

from pipeline import engine
from pipeline.engine import connection
from pipeline.errors import MinecoverError
from tests.engine.local import connected
from tests.scenes import small_archive


def test_importing_the_engine_does_not_import_the_client():
    script = "import sys; from pipeline import engine; print(sorted(m for m in sys.modules if m in ('ee', 'numpy')))"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert found.stdout.strip() == "[]", found.stderr


def test_plain_ee_code_runs(tmp_path):
    with connected(exports=tmp_path) as ee:
        assert ee.Number(1).add(2).getInfo() == 3


def test_connecting_again_changes_the_engine(tmp_path, scenes):
    with connected(exports=tmp_path) as ee:
        with pytest.raises(ee.EEException, match="not found"):
            ee.Image("COPERNICUS/S2_SR_HARMONIZED/x").getInfo()
        engine.connect("local", archive=scenes, exports=tmp_path)
        assert ee.ImageCollection("COPERNICUS/S2_SR_HARMONIZED").size().getInfo() == 2


def test_the_http_door_opens_when_a_url_is_given_out(tmp_path):
    with connected(exports=tmp_path) as ee:
        current = connection._Current.engine
        assert current is not None
        ee.Number(1).getInfo()
        assert not current.server.running
        tiles = ee.Image(1).getMapId()["tile_fetcher"].format_tile_url(0, 0, 0)
        assert current.server.running
        assert requests.get(tiles, timeout=20).headers["content-type"] in ("image/png", "image/jpeg")
    with pytest.raises(requests.ConnectionError):
        requests.get(tiles, timeout=20)


def test_after_disconnecting_nothing_is_connected(tmp_path):
    with connected(exports=tmp_path) as ee:
        fetch = ee.deprecation._FetchDataCatalogStac
    assert ee.deprecation._FetchDataCatalogStac is not fetch
    with pytest.raises(ee.EEException):
        ee.Number(1).getInfo()
    engine.disconnect()


def test_the_greeting_names_the_archive(tmp_path, scenes, capfd):
    with connected(archive=scenes, exports=tmp_path):
        pass
    assert str(scenes.root) in capfd.readouterr().err


def test_exports_are_remembered_when_connecting_again(tmp_path):
    archive = small_archive(tmp_path / "archive")
    with connected(archive=archive) as ee:
        task = ee.batch.Export.table.toDrive(ee.FeatureCollection([ee.Feature(None, {"a": 1})]), "kept")
        task.start()
        while task.active():
            pass
        engine.connect("local", archive=archive.root)
        assert [t.config["description"] for t in ee.batch.Task.list()] == ["kept"]
        assert task.status()["state"] == "COMPLETED"
        assert (archive.root / "exports" / "kept.csv").exists()


def test_a_bad_archive_leaves_the_connection_as_it_was(tmp_path):
    with connected(exports=tmp_path) as ee:
        with pytest.raises(MinecoverError, match="is not an archive"):
            engine.connect("local", archive=tmp_path / "nothing")
        assert ee.Number(1).getInfo() == 1


def test_an_engine_that_is_served_elsewhere(tmp_path, scenes):
    import ee

    with engine.serve(scenes, token="secret", exports=tmp_path) as served:
        engine.connect("local", url=served.url + "/", token="secret")
        assert ee.ImageCollection("COPERNICUS/S2_SR_HARMONIZED").size().getInfo() == 2
        # geemap takes a client without credentials for one that has not logged in.
        assert ee.data._get_state().credentials is not None
        with pytest.raises(MinecoverError, match="refuses this token"):
            engine.connect("local", url=served.url, token="wrong")
    for url in (served.url, "nonsense", "http://127.0.0.1:x"):
        with pytest.raises(MinecoverError, match="No engine answers"):
            engine.connect("local", url=url)


def test_modules_are_awaited(tmp_path, monkeypatch):
    for name in ("awaited_one", "awaited_two"):
        (tmp_path / f"{name}.py").write_text("value = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    seen: list[int] = []
    for name in ("awaited_one", "awaited_two"):
        waiting = connection._WhenImported(name, lambda module: seen.append(module.value))
        monkeypatch.setattr(sys, "meta_path", [waiting, *sys.meta_path])
    waiting.cancel()
    importlib.import_module("awaited_two")
    importlib.import_module("awaited_one")
    assert seen == [1]


def test_other_engines_are_refused():
    with pytest.raises(MinecoverError, match="'local' or 'earthengine'"):
        engine.connect("elsewhere")  # type: ignore[arg-type]


def test_an_address_that_takes_calls_and_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "DEADLINE_MS", 100)
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # between the client's own tries
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(MinecoverError, match="timed out"):
        engine.connect("local", url=f"http://127.0.0.1:{silent.getsockname()[1]}")
