"""The in-process door: what the client takes for an HTTP connection, answered by a service in the same process."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import httplib2

from pipeline.engine.doors.service import Service


class Transport:
    """An `http_transport` for ee.Initialize. Safe to use from several threads, as the service is."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def request(
        self,
        uri: str,
        method: str = "GET",
        body: str | bytes | None = None,
        headers: dict[str, str] | None = None,
        redirections: int | None = None,
        connection_type: Any = None,
    ) -> tuple[httplib2.Response, bytes]:
        """The response and its content, in httplib2's form."""
        url = urlsplit(uri)
        content = body.encode() if isinstance(body, str) else body or b""
        answer = self._service.handle(method, url.path, url.query, headers or {}, content)
        return httplib2.Response({**answer.headers, "status": str(answer.status)}), answer.body

    def close(self) -> None:
        """Nothing is open."""
