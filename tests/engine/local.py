"""What tests of the engine's doors share: a client connected to a local engine, and a service without a client."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import engine
from pipeline.engine.doors.rest import Response
from pipeline.engine.doors.service import Service
from pipeline.engine.session import Session

PROJECT = "projects/minecover-local"


@contextmanager
def connected(**options: Any) -> Iterator[Any]:
    """The `ee` module, connected to a local engine."""
    import ee

    engine.connect("local", **options)
    try:
        yield ee
    finally:
        engine.disconnect()


def service(folder: Path, archive: Any = None, **options: Any) -> Service:
    return Service(Session(archive, workers=2), exports=folder / "exports", state=folder / "state", **options)


def constant(value: Any) -> dict[str, Any]:
    return {"values": {"0": {"constantValue": value}}, "result": "0"}


def call(name: str, **arguments: Any) -> dict[str, Any]:
    """An expression of one function of constants; nodes may be given too."""
    nodes = {k: v if isinstance(v, dict) else {"constantValue": v} for k, v in arguments.items()}
    return {"values": {"0": node(name, **nodes)}, "result": "0"}


def node(name: str, **arguments: Any) -> dict[str, Any]:
    nodes = {k: v if isinstance(v, dict) else {"constantValue": v} for k, v in arguments.items()}
    return {"functionInvocationValue": {"functionName": name, "arguments": nodes}}


def grid(width: int, height: int, crs: str = "EPSG:32649", size: float = 10.0) -> dict[str, Any]:
    transform = {"scaleX": size, "scaleY": -size, "translateX": 614_000.0, "translateY": 4_376_000.0}
    return {"dimensions": {"width": width, "height": height}, "affineTransform": transform, "crsCode": crs}


def ask(to: Service, method: str, path: str, body: Any = None, query: str = "") -> Response:
    content = b"" if body is None else json.dumps(body).encode()
    return to.handle(method, f"/v1/{path}", query, {}, content)


def answer(to: Service, method: str, path: str, body: Any = None, query: str = "") -> Any:
    response = ask(to, method, path, body, query)
    value = json.loads(response.body)
    assert response.status == 200, value
    return value


def error(response: Response) -> dict[str, Any]:
    form: dict[str, Any] = json.loads(response.body)["error"]
    assert form["code"] == response.status
    return form


def records(content: bytes) -> np.ndarray[Any, Any]:
    array: np.ndarray[Any, Any] = np.load(io.BytesIO(content), allow_pickle=False)
    return array
