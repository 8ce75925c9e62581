"""A key of ours that signs tokens: made, written down and read again; in memory, or in a token that keeps it.

A key is made where the newest root key is. One that is in memory is written down whole, encrypted; of one in a token
stands there what it is called and its public half, encrypted as well, so that nobody can put another in its place.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass

from joserfc.jwk import ECKey, OKPKey, RSAKey

from idp import keyring
from idp.keystore import held

PrivateKey = ECKey | OKPKey | RSAKey

#: How a key of ours is made. RSA: as strong as the curves (NIST SP 800-57 part 1, table 2).
_MAKE: dict[str, Callable[[], PrivateKey]] = {
    "ES256": lambda: ECKey.generate_key("P-256", private=True),
    "PS256": lambda: RSAKey.generate_key(3072, private=True),
    "RS256": lambda: RSAKey.generate_key(3072, private=True),
    "EdDSA": lambda: OKPKey.generate_key("Ed25519", private=True),
}
_TYPES: dict[str, type[PrivateKey]] = {"ES256": ECKey, "PS256": RSAKey, "RS256": RSAKey, "EdDSA": OKPKey}
#: Says of a text that its key is in a token, and what it is called there. No member of a JWK is called so.
_NAME = "pkcs11"


@dataclass(frozen=True, kw_only=True)
class Made:
    """A new key, and what `opened` makes it again of."""

    key: PrivateKey
    text: str
    #: For a key that is not wanted after all. Raises KeysAway.
    discard: Callable[[], None]


def make(alg: str) -> Made:
    """A new key for `alg`. Raises KeysAway if it is to be made in a token, which does not do it."""
    store = keyring.makes_signing_keys()
    if store is None:
        key = _MAKE[alg]()
        return Made(key=key, text=json.dumps(key.as_dict(private=True)), discard=lambda: None)
    name, public = store.make_signing_key(alg)
    members = dict(_TYPES[alg].import_key(public).as_dict())  # type: ignore[arg-type]  # one of the three, by its alg
    text = json.dumps({**members, _NAME: name})
    return Made(key=opened(alg, text), text=text, discard=lambda: store.destroy_signing_key(name))


def opened(alg: str, text: str) -> PrivateKey:
    """The key of `text`, for `alg`. One in a token is looked for when it signs, which then raises KeysAway."""
    members = json.loads(text)
    name = members.pop(_NAME, "")
    key = _TYPES[alg].import_key(members)
    if not name:
        return key
    private = held.private_key(keyring.token_for_signing, name=name, alg=alg, public=key.public_key)
    return _TYPES[alg](private, members)
