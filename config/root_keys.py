"""Root keys as the environment has them: `id:base64,id:base64`, newest first (idp.keyring)."""

import base64
import binascii

from django.core.exceptions import ImproperlyConfigured

Keys = tuple[tuple[str, bytes], ...]


def read(name: str, value: str, *, but: Keys = ()) -> Keys:
    """The keys in the value of the variable `name`; none of them may have an id of `but`.

    Raises ImproperlyConfigured, which names the variable and no key.
    """
    keys: list[tuple[str, bytes]] = []
    if not value.strip():
        return ()
    for entry in value.split(","):
        key_id, _colon, encoded = entry.strip().partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except binascii.Error as error:
            raise ImproperlyConfigured(f"{name}: key {key_id!r} is not base64.") from error
        if not key_id.isalnum() or len(key_id) > 16:  # noqa: PLR2004 -- it is stored with every sealed row
            raise ImproperlyConfigured(f"{name}: a key id is 1 to 16 letters and digits.")
        if len(key) < 32:  # noqa: PLR2004 -- RFC 5869: as much as the hash gives out
            raise ImproperlyConfigured(f"{name}: key {key_id!r} has fewer than 32 bytes.")
        keys.append((key_id, key))
    if len({key_id for key_id, _key in (*keys, *but)}) != len(keys) + len(but):
        raise ImproperlyConfigured(f"{name}: two keys have the same id.")
    return tuple(keys)
