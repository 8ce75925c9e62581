"""Root keys in, derived keys out; and the three things done with them: seal, digest, encrypt.

A root key never touches data. For each use a key of its own is derived by HKDF (RFC 5869) under a label, so
that what one use leaks says nothing about another. Every sealed or encrypted value starts with the id of the
root key it was made with: a new root key is put in front of the list, old values stay readable, and nothing
needs the two to change at the same moment.

Where a root key is, in the environment or in a token that only lends its use, is `idp.keystore`'s business. If a token
does not answer, everything here that asks it raises KeysAway: a seal that cannot be looked at is not a forged one.

`digest` is the exception: a look-up digest must be found again, and of much that is looked up nobody has the text any
more (names of the deleted, subjects that applications know). So it is made with the *oldest* key for good. Once every
row is sealed anew (`idp.seals.renewal`), that key is retired: it finds digests, and seals and opens nothing.
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection
from functools import lru_cache
from secrets import token_bytes
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver

from idp.keystore import where
from idp.keystore.keys import KeysUnfit, RootKey, SigningKeys

Part = str | bytes | int | None

_NONCE_BYTES = 12


class Tampered(Exception):  # noqa: N818 -- it says what happened
    """A value was not made by us, not for this row, or with a key that is gone."""


def seal(label: str, *parts: Part) -> str:
    """A keyed seal over `parts`, to be stored beside them: `<key id>.<base64url HMAC-SHA256>`."""
    key_id = settings.ROOT_KEYS[0][0]
    return f"{key_id}.{_encode(_mac(key_id, label, parts))}"


def is_sealed(label: str, sealed: str, *parts: Part) -> bool:
    """Whether `sealed` was made by `seal` over exactly these parts. Unknown keys and malformed seals are not."""
    return _is_made(sealed, label, parts, keys=_root_keys())


def is_stamped(label: str, stamp: str, *parts: Part) -> bool:
    """As `is_sealed`, for what a retired key may have made too.

    Only for values that give no right by themselves, because what holds them is sealed or compared besides: those that
    cannot be made anew when a root key is, as only their owner knows the text.
    """
    return _is_made(stamp, label, parts, keys=_every_key())


def digest(label: str, *parts: Part) -> str:
    """A keyed digest to look a value up by, without storing the value. Stable while the oldest key is kept."""
    oldest = (*settings.ROOT_KEYS, *settings.RETIRED_KEYS)[-1][0]
    return _encode(_mac(oldest, label, parts))


def encrypt(label: str, plaintext: str, *row: Part) -> str:
    """AES-256-GCM under the label's key, bound to the identity of its `row` as associated data."""
    key_id = settings.ROOT_KEYS[0][0]
    nonce = token_bytes(_NONCE_BYTES)
    sealed = AESGCM(derive(label, key_id=key_id)).encrypt(nonce, plaintext.encode(), canonical(*row))
    return f"{key_id}.{_encode(nonce + sealed)}"


def decrypt(label: str, ciphertext: str, *row: Part) -> str:
    """What `encrypt` was given. Raises Tampered if the text, the row or the key is another one."""
    key_id, _dot, body = ciphertext.partition(".")
    if key_id not in _root_keys():
        raise Tampered(label)
    try:
        raw = urlsafe_b64decode(body + "=" * (-len(body) % 4))
        return (
            AESGCM(derive(label, key_id=key_id))
            .decrypt(
                raw[:_NONCE_BYTES],
                raw[_NONCE_BYTES:],
                canonical(*row),
            )
            .decode()
        )
    except (InvalidTag, ValueError) as error:
        raise Tampered(label) from error


def encrypted_anew(label: str, ciphertext: str, *row: Part) -> str:
    """The same text under the newest key. Raises Tampered as `decrypt` does."""
    return encrypt(label, decrypt(label, ciphertext, *row), *row)


def knows(stamp: str) -> bool:
    """Whether a seal, a ciphertext or a key id names one of the root keys. Whether it was made with it is not asked."""
    return stamp.partition(".")[0] in _root_keys()


def current_key_id() -> str:
    """The id of the newest root key, for a row whose derived secrets must be found again after a rotation."""
    return settings.ROOT_KEYS[0][0]


def derive(label: str, *parts: Part, key_id: str, length: int = 32) -> bytes:
    """`length` bytes for `label` (and `parts`) from the root key `key_id`. Raises Tampered if it is gone or retired."""
    if key_id not in _root_keys():
        raise Tampered(label)
    return _derived(label, *parts, key_id=key_id, length=length)


def fingerprint(secret: str) -> str:
    """How a random secret of 128 bits or more is stored: SHA-256, hexadecimal. Never for what people choose."""
    return hashlib.sha256(secret.encode()).hexdigest()


def canonical(*parts: Part) -> bytes:
    """An encoding of `parts` that no other parts share: each is tagged by type and preceded by its length."""
    out = bytearray()
    for part in parts:
        match part:
            case None:
                tag, raw = b"n", b""
            case bytes():
                tag, raw = b"b", part
            case int():
                tag, raw = b"i", str(part).encode()
            case _:
                tag, raw = b"s", part.encode()
        out += tag + len(raw).to_bytes(4, "big") + raw
    return bytes(out)


def makes_signing_keys() -> SigningKeys | None:
    """The token that new signing keys are made in: the one that the newest root key is in. None: they are made here."""
    newest = settings.ROOT_KEYS[0][1]
    return token_for_signing() if newest is None else None


def token_for_signing() -> SigningKeys:
    """The token, for who signs with keys in it. Raises KeysUnfit if there is none."""
    return where.token(settings.PKCS11_TOKEN)


def must_answer() -> None:
    """Ask each token that keys are in, for nothing: before anything that only some people's data would ask it for.

    Raises KeysAway. Costs nothing where every key is in memory.
    """
    for root in _lent():
        root.mac(_use("check"), b"")


def faults() -> list[str]:
    """What is wrong with keys that are in a token, in words for an operator. Empty is good. Raises KeysAway."""
    try:
        for root in _lent():
            root.mac(_use("check"), b"")
            root.derive(_use("check"), 1)
    except KeysUnfit as unfit:
        return [str(unfit)]
    return []


def _is_made(stamp: str, label: str, parts: tuple[Part, ...], *, keys: Collection[str]) -> bool:
    key_id, _dot, mac = stamp.partition(".")
    if key_id not in keys:
        return False
    return hmac.compare_digest(_encode(_mac(key_id, label, parts)).encode(), mac.encode())


def _mac(key_id: str, label: str, parts: tuple[Part, ...]) -> bytes:
    return _every_key()[key_id].mac(_use(label), canonical(*parts))


@lru_cache(maxsize=256)
def _derived(label: str, *parts: Part, key_id: str, length: int = 32) -> bytes:
    return _every_key()[key_id].derive(canonical("regain", label, *parts), length)


@lru_cache(maxsize=256)
def _use(label: str) -> bytes:
    return canonical("regain", label)


def _encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


@lru_cache(maxsize=1)
def _root_keys() -> frozenset[str]:
    """The ids of those that seal and open: all but the retired."""
    return frozenset(key_id for key_id, _key in settings.ROOT_KEYS)


@lru_cache(maxsize=1)
def _every_key() -> dict[str, RootKey]:
    every = (*settings.RETIRED_KEYS, *settings.ROOT_KEYS)
    return {key_id: where.root_key(key_id, key, settings.PKCS11_TOKEN) for key_id, key in every}


@lru_cache(maxsize=1)
def _lent() -> tuple[RootKey, ...]:
    """Those that are in a token."""
    every = (*settings.ROOT_KEYS, *settings.RETIRED_KEYS)
    return tuple(_every_key()[key_id] for key_id, key in every if key is None)


@receiver(setting_changed)
def _forget(*, setting: str, **_kwargs: Any) -> None:
    if setting in ("ROOT_KEYS", "RETIRED_KEYS", "PKCS11_TOKEN"):
        _root_keys.cache_clear()
        _every_key.cache_clear()
        _lent.cache_clear()
        _derived.cache_clear()
