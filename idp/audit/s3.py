"""Signing one upload as Amazon's stores ask for (Signature Version 4).

Instead of Amazon's library, which is larger than this program and would open connections of its own past `fetch`.
"""

import hmac
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import urlsplit


def signed(
    url: str, body: bytes, headers: dict[str, str], *, region: str, key: str, secret: str, now: datetime
) -> dict[str, str]:
    """The headers that a PUT of `body` to `url` needs, `headers` among them. The path is spelt as it is sent."""
    at = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    hashed = sha256(body)
    headers = {
        "x-amz-content-sha256": hashed.hexdigest(),
        "x-amz-date": at,
        **headers,
    }
    scope = f"{at[:8]}/{region}/s3/aws4_request"
    signed_headers = {"host": urlsplit(url).netloc, **{name.lower(): value for name, value in headers.items()}}
    names = ";".join(sorted(signed_headers))
    asked = "\n".join(
        (
            "PUT",
            urlsplit(url).path,
            "",
            *(f"{name}:{signed_headers[name].strip()}" for name in sorted(signed_headers)),
            "",
            names,
            hashed.hexdigest(),
        )
    )
    text = "\n".join(("AWS4-HMAC-SHA256", at, scope, sha256(asked.encode()).hexdigest()))
    signature = hmac.new(_key(secret, at[:8], region), text.encode(), sha256).hexdigest()
    authorization = f"AWS4-HMAC-SHA256 Credential={key}/{scope},SignedHeaders={names},Signature={signature}"
    return {**headers, "Authorization": authorization}


def _key(secret: str, day: str, region: str) -> bytes:
    made = f"AWS4{secret}".encode()
    for part in (day, region, "s3", "aws4_request"):
        made = hmac.digest(made, part.encode(), "sha256")
    return made
