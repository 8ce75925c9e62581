"""Reading a signed token that comes from outside: one strict way for assertions, proofs and hints (RFC 8725).

A token is read with a key that the caller names and an algorithm that the caller lists, in compact form, or not at
all. What a header says about keys (`jku`, `x5u`, …) is never followed.
"""

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

#: RFC 8725 3.5, NIST SP 800-131A: smaller keys are guessed; larger ones only cost time.
_RSA_BITS = range(2048, 8200)
#: 65537 has four characters. A long one makes every check of a signature as dear as a signature.
_LONGEST_EXPONENT = 8
#: A token of ours is a tenth of this, and so is any proof; a longer one is not parsed (CVE-2025-61920).
_LONGEST = 8192
#: The longest `jti` that is taken, in characters.
LONGEST_JTI = 512
#: The public half of a key, and nothing else: RFC 7638 3.2 names the members.
_MEMBERS = {"EC": ("crv", "x", "y"), "OKP": ("crv", "x"), "RSA": ("e", "n")}
_TYPES: dict[str, type[ECKey | OKPKey | RSAKey]] = {"EC": ECKey, "OKP": OKPKey, "RSA": RSAKey}
#: RFC 7518 6.2.2, 6.3.2, 6.4.1: what only the owner of a key may know.
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
#: Which key an algorithm goes with. RFC 8032's other curve is nobody's here.
_KEYS = {
    "ES256": ("EC", "P-256"),
    "EdDSA": ("OKP", "Ed25519"),
    "PS256": ("RSA", ""),
    "RS256": ("RSA", ""),
}


class Unreadable(Exception):  # noqa: N818 -- it says what happened
    """The token is not one to believe. The message says why, in words of ours."""


@dataclass(frozen=True)
class Signed:
    """A token whose signature is good. What its claims are worth is its reader's to say."""

    header: dict[str, Any]
    claims: dict[str, Any]


def read(
    token: str,
    *,
    algorithms: Collection[str],
    key_of: Callable[[dict[str, Any]], Key],
) -> Signed:
    """What `token` says, if its signature is by `key_of(its header)` with one of `algorithms`.

    Refused before any key is touched: another serialisation, another algorithm, and a header with `crit` or `b64`,
    of which nothing is understood here (RFC 7515 4.1.11). Raises Unreadable; passes on what `key_of` raises.
    """
    if len(token) > _LONGEST or not token.isascii() or token.count(".") != 2:  # noqa: PLR2004 -- the compact form
        raise Unreadable("it is not a JWT in compact form")
    registry = _Registry(algorithms=algorithms, strict_check_header=False)
    try:
        parsed = jws.extract_compact(token.encode(), registry=registry)
        header = dict(parsed.headers())
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise Unreadable("it is not a JWT") from error
    if header.get("alg") not in algorithms:
        raise Unreadable("its algorithm is not accepted")
    if "crit" in header or "b64" in header:
        raise Unreadable("its header asks for extensions")
    key = key_of(header)
    check_fits(key, header["alg"])
    try:
        if not jws.validate_compact(parsed, key, registry=registry):
            raise Unreadable("its signature is wrong")
        claims = json.loads(parsed.payload or b"")
        # NaN and infinities are not JSON (RFC 8259 6), though Python reads them, and 1e400 as well; and no rule about
        # times would refuse them: they compare as nothing does.
        json.dumps(claims, allow_nan=False)
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise Unreadable("its signature is wrong") from error
    if not isinstance(claims, dict):
        raise Unreadable("its payload is not an object")
    return Signed(header=header, claims=claims)


def seconds(claims: dict[str, Any], name: str) -> float | None:
    """The claim as a NumericDate (RFC 7519 2); None if it is missing or something else."""
    value = claims.get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def is_text(value: object, *, longest: int) -> bool:
    """Whether a claim is a text that can be kept: JSON can also spell halves of characters, which nothing can hold."""
    if not isinstance(value, str) or not 0 < len(value) <= longest:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def public_key(jwk: object) -> ECKey | OKPKey | RSAKey:
    """The public key that `jwk` describes. Raises Unreadable: private parts, another kind, too small, malformed."""
    if not isinstance(jwk, dict) or not isinstance(jwk.get("kty"), str) or jwk["kty"] not in _TYPES:
        raise Unreadable("the key is not of kty EC, OKP or RSA")
    if _PRIVATE & jwk.keys():
        raise Unreadable("the key has a private part")
    kind = jwk["kty"]
    try:
        members = {"kty": kind} | {name: jwk[name] for name in _MEMBERS[kind]}
        if kind == "RSA" and 6 * len(members["n"]) not in _RSA_BITS:  # six bits to a character of base64url
            raise Unreadable("an RSA key has 2048 bits or more, and 8192 at the most")
        if kind == "RSA" and len(members["e"]) > _LONGEST_EXPONENT:
            raise Unreadable("the exponent of an RSA key is small")
        key = _TYPES[kind].import_key(members)
    except (JoseError, KeyError, ValueError, TypeError) as error:
        raise Unreadable("the key is malformed") from error
    if isinstance(key, RSAKey) and key.public_key.key_size not in _RSA_BITS:
        raise Unreadable("an RSA key has 2048 bits or more, and 8192 at the most")
    return key


def check_fits(key: Key, algorithm: str) -> None:
    """Raises Unreadable if `key` is not of the kind that `algorithm` takes."""
    kind, curve = _KEYS[algorithm]
    if key.key_type != kind or (curve and getattr(key, "curve_name", "") != curve):
        raise Unreadable("the key is not of the algorithm's kind")


def algorithms_of(key: Key) -> tuple[str, ...]:
    """Which of our algorithms `key` can be used with."""
    curve = getattr(key, "curve_name", "")
    return tuple(name for name, (kind, wanted) in _KEYS.items() if key.key_type == kind and wanted in ("", curve))


class _Registry(jws.JWSRegistry):
    """joserfc's, for headers that carry an RSA key, and without its warning that EdDSA has got a new name."""

    max_header_length = 4096

    def get_alg(self, name: str) -> Any:
        if name not in (self.allowed or ()):
            raise UnsupportedAlgorithmError(name)
        return self.algorithms[name]


def registry(algorithms: Collection[str]) -> jws.JWSRegistry:
    """For signing with one of `algorithms`."""
    return _Registry(algorithms=algorithms)
