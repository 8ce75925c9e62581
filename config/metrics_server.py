"""`/metrics` of a worker, for machines without a web process (METRICS_LISTEN). The same token, the same numbers."""

from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import structlog

from idp import metrics

log = structlog.get_logger(__name__)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b""
        if self.path != "/metrics":
            status = HTTPStatus.NOT_FOUND
        elif not metrics.may_read(self.headers.get("Authorization", "")):
            status = HTTPStatus.UNAUTHORIZED
        else:
            status, body = HTTPStatus.OK, metrics.exposition(with_sources=False)
        self.send_response(status)
        self.send_header("Content-Type", metrics.CONTENT_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def version_string(self) -> str:
        return "regain"

    def log_message(self, *_arguments: object) -> None:
        """A line for each look says nothing."""


def start(where: str) -> None:
    """Answer at `where` until the process ends. If another worker of this machine already does, that is enough."""
    host, _colon, port = where.rpartition(":")
    try:
        server = ThreadingHTTPServer((host, int(port)), _Handler)
    except OSError as error:
        log.info("metrics are answered elsewhere", listen=where, error=type(error).__name__)
        return
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
