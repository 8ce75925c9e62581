"""What is asked of a key, whoever has it."""

from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

PublicKey = EllipticCurvePublicKey | Ed25519PublicKey | RSAPublicKey


class KeysAway(Exception):  # noqa: N818 -- it says what happened
    """The keys cannot be asked now. Nothing is genuine or forged meanwhile; whoever asked has to ask again later.

    The message says why, in words for an operator, and holds no secret.
    """


class KeysUnfit(KeysAway):
    """What is asked for is not there, or not kept as it must be. Waiting does not help; an operator does."""


class RootKey(Protocol):
    """One root key. What it gives out for one label or use says nothing about another."""

    def mac(self, label: bytes, message: bytes) -> bytes:
        """A MAC of 32 bytes over `message` (HMAC-SHA256), under this label. Raises KeysAway."""

    def derive(self, info: bytes, length: int) -> bytes:
        """`length` bytes for the use that `info` names (HKDF, RFC 5869). Raises KeysAway."""


class SigningKeys(Protocol):
    """Signing keys that are made where they stay. Algorithms are those of JOSE: ES256, PS256, RS256, EdDSA."""

    def make_signing_key(self, alg: str) -> tuple[str, PublicKey]:
        """Make a key: the name to find it by, and its public half. Raises KeysAway."""

    def sign(self, name: str, alg: str, message: bytes) -> bytes:
        """A signature over `message`, as JWS has it (RFC 7518 3). Raises KeysAway."""

    def destroy_signing_key(self, name: str) -> None:
        """Give a key up that nobody will ask for. Raises KeysAway."""
