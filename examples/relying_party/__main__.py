"""Serve Payroll on this machine."""

import os

from werkzeug.serving import WSGIRequestHandler, make_server

from examples.relying_party.app import create_app


class DiscreetLog(WSGIRequestHandler):
    """The callback's address carries a code; a log has no business keeping it."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        self.log("info", "%s %s %s %s", self.command, self.path.partition("?")[0], code, size)


port = int(os.environ.get("PORT", "8001"))
app = create_app(
    issuer=os.environ["ISSUER"],
    client_id=os.environ["CLIENT_ID"],
    client_secret=os.environ["CLIENT_SECRET"],
    base_url=os.environ.get("BASE_URL", f"http://127.0.0.1:{port}"),
)
make_server("127.0.0.1", port, app, threaded=True, request_handler=DiscreetLog).serve_forever()
