"""The least that any answer can cost here: the same server, one fixed body. What flows cost is told in its terms."""

from collections.abc import Callable, Iterable
from typing import Any

_BODY = b'{"status": "alive"}'


def application(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(_BODY)))])
    return [_BODY]
