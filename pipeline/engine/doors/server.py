"""The HTTP door: a server on the loopback interface before a service. What browsers and downloaders fetch comes here.

Pages from elsewhere must not reach it through the user's browser: only requests to a loopback host name are answered,
and those that change or compute something only without a foreign Origin.
"""

from __future__ import annotations

import hmac
import logging
import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pipeline.engine.doors.rest import Response, error_response
from pipeline.engine.doors.service import MAX_BODY, Service

HOST = "127.0.0.1"
MAX_CONNECTIONS = 128
WAIT_SECONDS = 120.0
IDLE_SECONDS = 60.0
_LOOPBACK = re.compile(r"(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?", re.IGNORECASE)
# Names of what was handed out hold 128 random bits; the client's download URLs carry no key.
_HANDED_OUT = re.compile(
    r"/v1(alpha)?/projects/[^/]+/(maps|thumbnails|videoThumbnails|filmstripThumbnails|tables)/[0-9a-f]{32}[:/].*"
)

log = logging.getLogger("minecover.engine")


class Server:
    """A port that is bound at once and served from the first `start` on; `close` frees it."""

    def __init__(self, port: int = 0, token: str | None = None, at_once: int = 8) -> None:
        self._server = _HttpServer((HOST, port), _Handler, bind_and_activate=False)
        self._server.token = token
        self._server.slots = threading.BoundedSemaphore(at_once)
        try:
            self._server.server_bind()
        except OSError:
            self._server.server_close()
            raise
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._closed = False

    @property
    def url(self) -> str:
        """The base of all URLs, without a slash at the end."""
        return f"http://{HOST}:{self._server.server_address[1]}"

    @property
    def running(self) -> bool:
        """Whether requests are answered."""
        return self._thread is not None and not self._closed

    def attach(self, service: Service) -> None:
        """Say who answers."""
        self._server.service = service

    def start(self) -> None:
        """Answer requests from now on, in threads of their own; again is nothing."""
        with self._lock:
            if self._thread is None and not self._closed:
                self._server.server_activate()
                self._thread = threading.Thread(target=self._server.serve_forever, name="http", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Stop answering."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            if self._thread is not None:
                self._server.shutdown()
                self._thread.join()
            self._server.server_close()


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = MAX_CONNECTIONS
    service: Service
    token: str | None
    slots: threading.BoundedSemaphore

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._connections = threading.BoundedSemaphore(MAX_CONNECTIONS)

    def server_bind(self) -> None:
        # HTTPServer's own looks the host name up, which may take seconds.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._connections.acquire(blocking=False):
            request.settimeout(1)
            try:
                request.sendall(b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            except OSError:
                log.debug("a refused connection was gone already")
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._connections.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.debug("connection of %s ended early", client_address, exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _HttpServer

    def _serve(self) -> None:
        url = urlsplit(self.path)
        refusal = self._refusal(url.path, url.query)
        answer = refusal or self._answered(url.path, url.query)
        self._send(answer)

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = do_HEAD = _serve

    def do_OPTIONS(self) -> None:
        """Preflight: pages on loopback hosts, notebooks among them, may read."""
        if self._foreign_origin() or not self._local_host():
            self._send(error_response(403, "Only pages on this machine may ask.", "PERMISSION_DENIED"))
            return
        headers = {
            "access-control-allow-methods": "GET, POST",
            "access-control-allow-headers": "authorization, content-type",
        }
        self._send(Response(204, headers, b""))

    def _refusal(self, path: str, query: str) -> Response | None:
        self.close_connection = self.close_connection or self.command not in ("GET", "HEAD")
        if not self._local_host():
            return error_response(403, "Only requests to a loopback host name are answered.", "PERMISSION_DENIED")
        if self._foreign_origin() and self.command not in ("GET", "HEAD"):
            return error_response(403, "Requests from pages elsewhere are not answered.", "PERMISSION_DENIED")
        token = self.server.token
        if token and not _HANDED_OUT.fullmatch(path) and not self._has_token(token, query):
            message = "A token is needed: 'Authorization: Bearer TOKEN', or ?key=TOKEN."
            return error_response(401, message, "UNAUTHENTICATED")
        if "transfer-encoding" in self.headers:
            return error_response(411, "Send a Content-Length; chunked bodies are not read.", "INVALID_ARGUMENT")
        length = self.headers.get("content-length", "0")
        if not length.isdecimal():
            return error_response(400, "Invalid Content-Length.", "INVALID_ARGUMENT")
        if int(length[:20]) > MAX_BODY:
            return error_response(413, f"Request payload size exceeds the limit: {MAX_BODY} bytes.", "INVALID_ARGUMENT")
        return None

    def _answered(self, path: str, query: str) -> Response:
        length = int(self.headers.get("content-length", "0"))
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True
            return error_response(400, "The request's body ended early.", "INVALID_ARGUMENT")
        self.close_connection = self.headers.get("connection", "").lower() == "close"
        if not self.server.slots.acquire(timeout=WAIT_SECONDS):
            return error_response(429, "Too many concurrent requests. Try again later.", "RESOURCE_EXHAUSTED")
        try:
            method = "GET" if self.command == "HEAD" else self.command
            return self.server.service.handle(method, path, query, dict(self.headers), body)
        finally:
            self.server.slots.release()

    def _local_host(self) -> bool:
        return bool(_LOOPBACK.fullmatch(self.headers.get("host", "")))

    def _origin(self) -> str:
        return str(self.headers.get("origin", ""))

    def _foreign_origin(self) -> bool:
        return bool(self._origin()) and not _LOOPBACK.fullmatch(urlsplit(self._origin()).netloc)

    def _has_token(self, token: str, query: str) -> bool:
        given = parse_qs(query)
        scheme, _, bearer = self.headers.get("authorization", "").partition(" ")
        candidates = [*given.get("token", []), *given.get("key", [])]
        if scheme.lower() == "bearer":
            candidates.append(bearer.strip())
        return any(hmac.compare_digest(c.encode(), token.encode()) for c in candidates)

    def _send(self, answer: Response) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if self._origin() and not self._foreign_origin():
            self.send_header("access-control-allow-origin", self._origin())
            self.send_header("vary", "Origin")
        self.send_header("x-content-type-options", "nosniff")
        self.send_header("content-length", str(len(answer.body)))
        if self.close_connection:
            self.send_header("connection", "close")
        self.end_headers()
        if self.command != "HEAD" and answer.body:
            self.wfile.write(answer.body)
        self.wfile.flush()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What is no proper request is the client's fault: never 5xx, which clients would repeat."""
        self.close_connection = True
        self._send(error_response(code if code < 500 else 400, message or "This is no request.", "INVALID_ARGUMENT"))

    def version_string(self) -> str:
        """The name in the Server header; no versions."""
        return "minecover"

    def log_message(self, format: str, *args: Any) -> None:
        # The query may hold the token.
        log.debug("%s %s", self.address_string(), (format % args).split("?")[0])
