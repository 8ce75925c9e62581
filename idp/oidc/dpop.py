"""Proof of possession (RFC 9449): who sends a token shows that they hold the key it is bound to.

A proof is good once, for one method and address, within a minute of its making. Replays are found by its `jti`;
a nonce of ours besides (section 8) is asked for only where the policy says so: it costs clients a second request,
and tells us no more than a clock and the record of what was seen.
"""

import re
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import SplitResult, urlsplit

from authlib.oauth2 import OAuth2Error
from django.http import HttpRequest, HttpResponse
from joserfc.jwk import Key

from idp import keyring
from idp.conf import policy
from idp.oidc import jose, once, supported

ALGORITHMS = supported.DPOP_ALGORITHMS
TYPE = "dpop+jwt"
#: How old a proof may be, and how far ahead its maker's clock (P-20: ten seconds each way at least).
_AGE = timedelta(seconds=60)
_AHEAD = timedelta(seconds=30)
#: A nonce is handed out for one period and accepted in the next as well.
_NONCE_PERIOD = 300
_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")
_PORTS = {"http": 80, "https": 443}


class InvalidProofError(OAuth2Error):  # type: ignore[misc]
    """RFC 9449 5: the proof is not one of this request."""

    error = "invalid_dpop_proof"


class NonceNeededError(OAuth2Error):  # type: ignore[misc]
    """RFC 9449 8: the proof must carry the nonce that comes with this answer."""

    error = "use_dpop_nonce"
    description = "The DPoP proof must have the nonce of the DPoP-Nonce header."

    def __init__(self, nonce: str) -> None:
        super().__init__()
        self.nonce = nonce

    def get_headers(self) -> list[tuple[str, str]]:
        return [*super().get_headers(), ("DPoP-Nonce", self.nonce)]


def thumbprint(
    request: HttpRequest,
    *,
    method: str,
    url: str,
    access_token: str | None = None,
    now: datetime,
) -> str | None:
    """The thumbprint (`jkt`) of the key that `request` proves to hold; None if it came without a proof.

    `url` is the endpoint's published address. With `access_token`, the proof must be made for that very token.
    Section 4.3, row by row. Uses the proof up: the same one is refused from then on.
    Raises InvalidProofError, and NonceNeededError where the policy asks for a nonce.
    """
    proof = request.headers.get("DPoP")
    if proof is None:
        return None
    key, claims = _read(proof)
    for check in _CHECKS:
        check(claims, method, url, now)
    if access_token is not None and claims.get("ath") != token_hash(access_token):
        raise InvalidProofError("ath of the DPoP proof is missing, or not of this access token.")
    if policy().dpop_nonce_required and claims.get("nonce") not in _nonces(now):
        raise NonceNeededError(nonce(now))
    jkt = key.thumbprint()
    if not once.is_first("dpop", jkt, claims["jti"], until=now + _AGE + 2 * _AHEAD):
        raise InvalidProofError("The DPoP proof has been used already; each request needs its own jti.")
    return jkt


def is_thumbprint(text: str) -> bool:
    """Whether `text` can be a `dpop_jkt` (section 10): SHA-256 in base64url."""
    return bool(_THUMBPRINT.fullmatch(text))


def token_hash(access_token: str) -> str:
    """`ath` (section 4.2)."""
    return urlsafe_b64encode(sha256(access_token.encode()).digest()).rstrip(b"=").decode()


def nonce(now: datetime) -> str:
    """The nonce to hand out now (section 8): the same for everybody, kept nowhere, known to every process."""
    return _nonces(now)[0]


def offer_nonce(response: HttpResponse, *, now: datetime) -> None:
    """Section 8.2: with an answer, the nonce for the next request; so that it need not be asked for twice."""
    if policy().dpop_nonce_required:
        response["DPoP-Nonce"] = nonce(now)


def _nonces(now: datetime) -> tuple[str, str]:
    period = int(now.timestamp()) // _NONCE_PERIOD
    return keyring.digest("dpop-nonce", period), keyring.digest("dpop-nonce", period - 1)


def _read(proof: str) -> tuple[Key, dict[str, Any]]:
    """Checks 1 to 7 of section 4.3: one proof, well formed, of the right type, signed by the key it shows."""
    if "," in proof:
        # How servers hand on a header that was sent twice; a JWT has no comma.
        raise InvalidProofError("The request has more than one DPoP header.")
    found: list[Key] = []

    def shown(header: dict[str, Any]) -> Key:
        if header.get("typ") != TYPE:
            raise jose.Unreadable("its typ is not dpop+jwt")
        found.append(jose.public_key(header.get("jwk")))
        return found[0]

    try:
        signed = jose.read(proof.strip(), algorithms=ALGORITHMS, key_of=shown)
    except jose.Unreadable as reason:
        raise InvalidProofError(f"The DPoP proof cannot be accepted: {reason}.") from reason
    return found[0], signed.claims


# --- Checks 8 to 12 of section 4.3 --------------------------------------------------------------------------


def _check_jti(claims: dict[str, Any], _method: str, _url: str, _now: datetime) -> None:
    if not jose.is_text(claims.get("jti"), longest=jose.LONGEST_JTI):
        raise InvalidProofError("jti of the DPoP proof is missing or too long.")


def _check_htm(claims: dict[str, Any], method: str, _url: str, _now: datetime) -> None:
    if claims.get("htm") != method:
        raise InvalidProofError("htm of the DPoP proof is not the method of this request.")


def _check_htu(claims: dict[str, Any], _method: str, url: str, _now: datetime) -> None:
    if not isinstance(claims.get("htu"), str) or _normal(claims["htu"]) != _normal(url):
        raise InvalidProofError("htu of the DPoP proof is not the address of this request.")


def _check_iat(claims: dict[str, Any], _method: str, _url: str, now: datetime) -> None:
    made, moment = jose.seconds(claims, "iat"), now.timestamp()
    if made is None or not moment - _AGE.total_seconds() <= made <= moment + _AHEAD.total_seconds():
        raise InvalidProofError("iat of the DPoP proof is missing, too old or in the future.")


def _check_exp_and_nbf(claims: dict[str, Any], _method: str, _url: str, now: datetime) -> None:
    """A proof needs neither. One that has them means them (RFC 7519 4.1.4, 4.1.5)."""
    moment, skew = now.timestamp(), _AHEAD.total_seconds()
    expires, begins = jose.seconds(claims, "exp"), jose.seconds(claims, "nbf")
    if "exp" in claims and (expires is None or expires <= moment - skew):
        raise InvalidProofError("The DPoP proof has expired.")
    if "nbf" in claims and (begins is None or begins > moment + skew):
        raise InvalidProofError("The DPoP proof is not valid yet.")


_CHECKS: tuple[Callable[[dict[str, Any], str, str, datetime], None], ...] = (
    _check_jti,
    _check_htm,
    _check_htu,
    _check_iat,
    _check_exp_and_nbf,
)


def _normal(url: str) -> tuple[str, str, int | None, str] | None:
    """RFC 3986 6.2.2 and 6.2.3, as far as addresses of ours need it; query and fragment do not count."""
    try:
        split: SplitResult = urlsplit(url)
        scheme, port = split.scheme.lower(), split.port
    except ValueError:
        return None
    if split.username is not None or not split.hostname:
        return None
    return scheme, split.hostname.lower(), port or _PORTS.get(scheme), split.path or "/"
