import http.client
import json
import threading

import pytest

from pipeline import engine
from pipeline.engine.doors import server as server_module
from tests.engine.local import PROJECT, call, constant


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    with engine.serve(exports=tmp_path_factory.mktemp("x")) as running:
        yield running


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    with engine.serve(exports=tmp_path_factory.mktemp("x"), token="secret") as running:
        yield running


VALUE = f"/v1/{PROJECT}/value:compute"
BODY = json.dumps({"expression": constant(1)})


def asked(running, method="POST", path=VALUE, body=BODY, headers=None):
    connection = http.client.HTTPConnection(running.url.removeprefix("http://"), timeout=20)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()
    finally:
        connection.close()


def test_answers(serving):
    status, headers, body = asked(serving)
    assert (status, json.loads(body)) == (200, {"result": 1})
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["Server"] == "minecover"


def test_a_connection_serves_many_requests(serving):
    connection = http.client.HTTPConnection(serving.url.removeprefix("http://"), timeout=20)
    for _ in range(5):
        connection.request("POST", VALUE, BODY)
        assert json.loads(connection.getresponse().read()) == {"result": 1}
    connection.close()


def test_many_clients_at_once(serving):
    results = []
    threads = [threading.Thread(target=lambda: results.append(asked(serving)[0])) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert results == [200] * 40


def test_connections_beyond_the_limit_are_told_so(serving):
    address = serving.url.removeprefix("http://")
    idle = [http.client.HTTPConnection(address, timeout=20) for _ in range(server_module.MAX_CONNECTIONS)]
    for connection in idle:
        connection.request("POST", VALUE, BODY)
        connection.getresponse().read()
    with pytest.raises((ConnectionError, http.client.HTTPException, AssertionError)):
        assert asked(serving)[0] == 200
    for connection in idle:
        connection.close()
    for _ in range(200):
        try:
            if asked(serving)[0] == 200:
                return
        except (ConnectionError, http.client.HTTPException):
            continue
    pytest.fail("connections were not given back")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "localhost@evil.example"])
def test_other_host_names_are_refused(serving, host):
    assert asked(serving, headers={"Host": host})[0] == 403


@pytest.mark.parametrize("host", ["localhost:1234", "127.0.0.1", "[::1]:80"])
def test_loopback_host_names_are_answered(serving, host):
    assert asked(serving, headers={"Host": host})[0] == 200


def test_pages_from_elsewhere_cannot_start_anything(serving):
    assert asked(serving, headers={"Origin": "https://evil.example"})[0] == 403
    assert asked(serving, "OPTIONS", headers={"Origin": "https://evil.example"})[0] == 403
    assert asked(serving, headers={"Origin": "null"})[0] == 403


def test_notebooks_on_this_machine_may_read(serving):
    origin = "http://localhost:8888"
    status, headers, _ = asked(serving, headers={"Origin": origin})
    assert (status, headers["access-control-allow-origin"]) == (200, origin)
    status, headers, _ = asked(serving, "OPTIONS", headers={"Origin": origin})
    assert (status, headers["access-control-allow-origin"]) == (204, origin)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Length": "11000000"}, 413),
        ({"Content-Length": "99999999999999999999999999"}, 413),
        ({"Content-Length": "-1"}, 400),
        ({"Content-Length": "x"}, 400),
        ({"Transfer-Encoding": "chunked"}, 411),
    ],
)
def test_bodies_are_bounded(serving, headers, status):
    connection = http.client.HTTPConnection(serving.url.removeprefix("http://"), timeout=20)
    connection.putrequest("POST", VALUE)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    assert connection.getresponse().status == status
    connection.close()


@pytest.mark.parametrize("junk", [b"\0\0\0\0\r\n\r\n", b"GET\r\n\r\n", b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n"])
def test_junk_does_no_harm(serving, junk):
    import socket

    host, port = serving.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(junk)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1000)
    assert asked(serving)[0] == 200


def test_without_the_token_nothing_is_answered(guarded):
    status, _, body = asked(guarded)
    assert (status, json.loads(body)["error"]["status"]) == (401, "UNAUTHENTICATED")
    assert asked(guarded, headers={"Authorization": "Bearer wrong"})[0] == 401
    assert asked(guarded, path=VALUE + "?key=")[0] == 401


def test_the_token_comes_in_a_header_or_in_the_url(guarded):
    assert asked(guarded, headers={"Authorization": "Bearer secret"})[0] == 200
    assert asked(guarded, path=VALUE + "?key=secret")[0] == 200
    assert asked(guarded, path=VALUE + "?token=secret")[0] == 200


def test_what_was_handed_out_can_be_fetched_without_a_token(guarded):
    body = json.dumps({"expression": call("Image.constant", value=1)})
    _, _, answer = asked(guarded, path=f"/v1/{PROJECT}/maps?key=secret", body=body)
    assert asked(guarded, "GET", f"/v1/{json.loads(answer)['name']}/tiles/0/0/0", None)[0] == 200
    assert asked(guarded, "GET", f"/v1/{PROJECT}/maps/{'0' * 32}/tiles/0/0/0", None)[0] == 404


def test_the_log_does_not_hold_the_token(guarded, caplog):
    with caplog.at_level("DEBUG", logger="minecover.engine"):
        asked(guarded, path=VALUE + "?key=secret")
    assert "secret" not in caplog.text


def test_a_port_in_use_is_an_os_error(serving, tmp_path):
    with pytest.raises(OSError):
        engine.serve(port=int(serving.url.rsplit(":", 1)[1]), exports=tmp_path)


def test_clients_in_other_processes_connect_with_the_token(guarded):
    import subprocess
    import sys

    script = (
        "import ee; ee.deprecation._FetchDataCatalogStac = dict\n"
        f"ee.Initialize(credentials=None, project='minecover-local', url={guarded.url!r}, cloud_api_key='secret')\n"
        "print(ee.Number(1).add(2).getInfo())\n"
        "print(len(ee.data.computePixels({'expression': ee.Image(1), 'fileFormat': 'NPY', 'grid': "
        "{'dimensions': {'width': 2, 'height': 2}, 'affineTransform': {'scaleX': 1, 'scaleY': -1}, "
        "'crsCode': 'EPSG:4326'}})) > 0)\n"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert found.stdout.split() == ["3", "True"], found.stderr
