"""A small STAC API on loopback, for tests: search by collection, ids, box, time and query, in pages."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

CONFORMS = [
    "https://api.stacspec.org/v1.0.0/core",
    "https://api.stacspec.org/v1.0.0/item-search",
    "https://api.stacspec.org/v1.0.0/item-search#query",
    "https://api.stacspec.org/v1.0.0/collections",
]
COMPARE = {
    "eq": lambda a, b: a == b,
    "lt": lambda a, b: a is not None and a < b,
    "lte": lambda a, b: a is not None and a <= b,
    "gt": lambda a, b: a is not None and a > b,
    "gte": lambda a, b: a is not None and a >= b,
}


class Server(ThreadingHTTPServer):
    """Holds the items, the folder of files, what was asked, and what to do wrong."""

    def __init__(self, items: list[dict[str, Any]], files: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.items, self.files = items, files
        self.searches: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.broken: bytes | None = None
        self.status = 200
        self.delay_s = 0.0
        self.page = 2

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        if self.path.startswith("/files/"):
            self.send_file()
        elif self.path.startswith("/token/"):
            self.send_json({"token": "sig=abc", "msft:expiry": "2099-01-01T00:00:00Z"})
        else:
            self.send_json(self.landing())

    def do_POST(self) -> None:
        wanted = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.searches.append(wanted)
        start = int(wanted.get("token", 0))
        found = [i for i in self.server.items if matches(i, wanted)]
        links = []
        if start + self.server.page < len(found):
            body = {**wanted, "token": start + self.server.page}
            links = [{"rel": "next", "href": f"{self.server.url}/search", "method": "POST", "body": body}]
        page = found[start : start + self.server.page]
        self.send_json({"type": "FeatureCollection", "features": page, "links": links})

    def landing(self) -> dict[str, Any]:
        url = self.server.url
        return {
            "type": "Catalog", "id": "test", "stac_version": "1.0.0", "description": "test", "conformsTo": CONFORMS,
            "links": [{"rel": r, "href": url} for r in ("self", "root")]
            + [{"rel": "search", "href": f"{url}/search", "method": "POST", "type": "application/geo+json"}],
        }  # fmt: skip

    def send_json(self, value: Any) -> None:
        time.sleep(self.server.delay_s)
        headers = {"Content-Type": "application/json", "Retry-After": "3600"}
        self.reply(self.server.status, self.server.broken or json.dumps(value).encode(), headers)

    def send_file(self) -> None:
        path = self.server.files / self.path.partition("?")[0].removeprefix("/files/")
        if not path.is_file():
            self.reply(404, b"", {})
            return
        data, ranged = path.read_bytes(), self.headers.get("Range")
        if not ranged:
            self.reply(200, data, {"Accept-Ranges": "bytes"})
            return
        first, last = ranged.removeprefix("bytes=").split("-")
        part = data[int(first) : int(last) + 1]
        self.reply(206, part, {"Content-Range": f"bytes {first}-{int(first) + len(part) - 1}/{len(data)}"})

    def reply(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def matches(item: dict[str, Any], wanted: dict[str, Any]) -> bool:
    given = item["properties"]
    if item["collection"] not in wanted["collections"] or item["id"] not in wanted.get("ids", [item["id"]]):
        return False
    if "bbox" in wanted:
        (w, s, e, n), (iw, is_, ie, in_) = wanted["bbox"], item["bbox"]
        if iw > e or ie < w or is_ > n or in_ < s:
            return False
    if "datetime" in wanted:
        start, _, end = wanted["datetime"].partition("/")
        if (start != ".." and given["datetime"] < start) or (end not in ("", "..") and given["datetime"] > end):
            return False
    query = wanted.get("query", {})
    return all(COMPARE[op](given.get(k), v) for k, ops in query.items() for op, v in ops.items())


@contextmanager
def serving(items: list[dict[str, Any]], files: Path) -> Iterator[Server]:
    """The API, answering until the block ends."""
    server = Server(items, files)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
