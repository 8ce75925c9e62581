"""Root keys as the environment has them: `id:base64,id:base64`, newest first (idp.keyring).

`id:pkcs11` is one that the environment has not: it is in the token that PKCS11_URI leads to (idp.keystore).
"""

import base64
import binascii

from django.core.exceptions import ImproperlyConfigured

from idp.keystore import uri

#: None: the token has it.
Keys = tuple[tuple[str, bytes | None], ...]

IN_TOKEN = "pkcs11"


def read(name: str, value: str, *, but: Keys = ()) -> Keys:
    """The keys in the value of the variable `name`; none of them may have an id of `but`.

    Raises ImproperlyConfigured, which names the variable and no key.
    """
    keys: list[tuple[str, bytes | None]] = []
    if not value.strip():
        return ()
    for entry in value.split(","):
        key_id, _colon, encoded = entry.strip().partition(":")
        key = None if encoded == IN_TOKEN else _decoded(name, key_id, encoded)
        if not key_id.isalnum() or len(key_id) > 16:  # noqa: PLR2004 -- it is stored with every sealed row
            raise ImproperlyConfigured(f"{name}: a key id is 1 to 16 letters and digits.")
        if key is not None and len(key) < 32:  # noqa: PLR2004 -- RFC 5869: as much as the hash gives out
            raise ImproperlyConfigured(f"{name}: key {key_id!r} has fewer than 32 bytes.")
        keys.append((key_id, key))
    if len({key_id for key_id, _key in (*keys, *but)}) != len(keys) + len(but):
        raise ImproperlyConfigured(f"{name}: two keys have the same id.")
    return tuple(keys)


def token(name: str, value: str, *, keys: Keys) -> uri.TokenUri | None:
    """The token in the value of the variable `name`, which must be there if one of `keys` is in it.

    Raises ImproperlyConfigured, which names the variable and no PIN.
    """
    if value.strip():
        try:
            return uri.read(value.strip())
        except uri.Unusable as error:
            raise ImproperlyConfigured(f"{name}: {error}.") from error
    if kept := [key_id for key_id, key in keys if key is None]:
        raise ImproperlyConfigured(f"{name} is not set, and the key {kept[0]!r} is in a token. It says which.")
    return None


def _decoded(name: str, key_id: str, encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise ImproperlyConfigured(f"{name}: key {key_id!r} is not base64.") from error
