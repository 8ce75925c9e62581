"""A private key in a token, with the face of one in memory: what signs JWTs need not know where the key is.

Each class is one of cryptography's interfaces. They sign as its own keys do; whatever would bring the key out says no,
as the token would.
"""

from collections.abc import Callable
from typing import Any, NoReturn

from cryptography.hazmat.primitives.asymmetric.ec import (
    EllipticCurve,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from idp.keystore.keys import PublicKey, SigningKeys


class NotToBeCopied(TypeError):  # noqa: N818 -- it says what happened
    """A key that is held in a token was asked for itself."""


def private_key(
    store: Callable[[], SigningKeys], *, name: str, alg: str, public: PublicKey
) -> "HeldCurve | HeldEdwards | HeldRsa":
    """The key called `name` in `store`, for its own algorithm only. Both are looked for when it signs.

    So a retired key, whose public half is still asked for, needs no token any more.
    """
    match public:
        case EllipticCurvePublicKey():
            return HeldCurve(store, name, alg, public)
        case Ed25519PublicKey():
            return HeldEdwards(store, name, alg, public)
        case RSAPublicKey():
            return HeldRsa(store, name, alg, public)


class _Held:
    """What the three have in common."""

    def __init__(self, store: Callable[[], SigningKeys], name: str, alg: str, public: Any) -> None:
        self._store, self._name, self._alg, self._public = store, name, alg, public

    def public_key(self) -> Any:
        return self._public

    def _signed(self, message: Any) -> bytes:
        return self._store().sign(self._name, self._alg, bytes(message))

    def _stays(self, *_arguments: Any, **_options: Any) -> NoReturn:
        raise NotToBeCopied("the key stays in its token")

    exchange = decrypt = private_numbers = private_bytes = private_bytes_raw = _stays
    __copy__ = __deepcopy__ = __reduce__ = _stays


class HeldCurve(_Held, EllipticCurvePrivateKey):
    """On P-256."""

    @property
    def curve(self) -> EllipticCurve:
        curve: EllipticCurve = self._public.curve
        return curve

    @property
    def key_size(self) -> int:
        return self.curve.key_size

    def sign(self, data: Any, _signature_algorithm: Any) -> bytes:
        """DER, as of keys in memory; a token and JWS have r and s one after the other (RFC 7518 3.4)."""
        raw = self._signed(data)
        half = len(raw) // 2
        return encode_dss_signature(int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big"))


class HeldEdwards(_Held, Ed25519PrivateKey):
    """On Ed25519."""

    def sign(self, data: Any) -> bytes:
        return self._signed(data)


class HeldRsa(_Held, RSAPrivateKey):
    """Of RSA; whether with PSS or without is the algorithm's to say, which the key was made for."""

    @property
    def key_size(self) -> int:
        size: int = self._public.key_size
        return size

    def sign(self, data: Any, _padding: Any, _algorithm: Any) -> bytes:
        return self._signed(data)
