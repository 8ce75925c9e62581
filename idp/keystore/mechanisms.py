"""How a token of PKCS#11 makes and uses a key for each algorithm of JOSE."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from pkcs11.constants import Attribute, MechanismFlag
from pkcs11.mechanisms import MGF, KeyType, Mechanism
from pkcs11.util.ec import encode_named_curve_parameters

from idp.keystore.keys import PublicKey

#: How a key is kept: only who has the PIN may use it, and nobody may have it.
KEPT = {Attribute.PRIVATE: True, Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False}

_RSA_BITS = 3072
#: RFC 8410 3.
_ED25519 = "1.3.101.112"
#: RFC 7518 3.5: as many bytes of salt as the hash has.
_PSS = (Mechanism.SHA256, MGF.SHA256, 32)


def make(session: Any, alg: str, *, label: str, id: bytes) -> PublicKey:  # noqa: A002 -- its name in PKCS#11
    """Make a pair of keys in the token, for `alg` only, and return the public one. Raises PKCS11Error."""
    options = {"label": label, "id": id, "store": True, "capabilities": MechanismFlag.SIGN | MechanismFlag.VERIFY}
    public, _private = _MAKE[alg](session, {**options, "private_template": KEPT})
    return _READ[alg](public)


def sign(key: Any, alg: str, message: bytes) -> bytes:
    """A signature as JWS has it: of ECDSA r and s, each as long as the curve (RFC 7518 3.4). Raises PKCS11Error."""
    return bytes(_SIGN[alg](key, message))


def _make_curve(session: Any, options: dict[str, Any]) -> Any:
    curve = {Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}
    parameters = session.create_domain_parameters(KeyType.EC, curve, local=True)
    return parameters.generate_keypair(mechanism=Mechanism.EC_KEY_PAIR_GEN, **options)


def _make_edwards(session: Any, options: dict[str, Any]) -> Any:
    curve = {Attribute.EC_PARAMS: encode_named_curve_parameters(_ED25519)}
    parameters = session.create_domain_parameters(KeyType.EC_EDWARDS, curve, local=True)
    return parameters.generate_keypair(mechanism=Mechanism.EC_EDWARDS_KEY_PAIR_GEN, **options)


def _make_rsa(session: Any, options: dict[str, Any]) -> Any:
    return session.generate_keypair(KeyType.RSA, _RSA_BITS, **options)


def _point(key: Any, length: int) -> bytes:
    """The last bytes of what some tokens wrap as an OCTET STRING and others do not."""
    return bytes(key[Attribute.EC_POINT])[-length:]


def _rsa(key: Any) -> PublicKey:
    exponent, modulus = key[Attribute.PUBLIC_EXPONENT], key[Attribute.MODULUS]
    return RSAPublicNumbers(int.from_bytes(exponent, "big"), int.from_bytes(modulus, "big")).public_key()


_MAKE: dict[str, Callable[[Any, dict[str, Any]], Any]] = {
    "ES256": _make_curve,
    "EdDSA": _make_edwards,
    "PS256": _make_rsa,
    "RS256": _make_rsa,
}
_READ: dict[str, Callable[[Any], PublicKey]] = {
    # SEC 1 2.3.3: 04, x and y.
    "ES256": lambda key: EllipticCurvePublicKey.from_encoded_point(SECP256R1(), _point(key, 65)),
    "EdDSA": lambda key: Ed25519PublicKey.from_public_bytes(_point(key, 32)),
    "PS256": _rsa,
    "RS256": _rsa,
}
_SIGN: dict[str, Callable[[Any, bytes], Any]] = {
    # Fewer tokens hash for ECDSA than sign what was hashed.
    "ES256": lambda key, message: key.sign(sha256(message).digest(), mechanism=Mechanism.ECDSA),
    "EdDSA": lambda key, message: key.sign(message, mechanism=Mechanism.EDDSA),
    "PS256": lambda key, message: key.sign(message, mechanism=Mechanism.SHA256_RSA_PKCS_PSS, mechanism_param=_PSS),
    "RS256": lambda key, message: key.sign(message, mechanism=Mechanism.SHA256_RSA_PKCS),
}
