"""Which place a key is in. What speaks to a token is loaded only where a key is in one."""

from typing import TYPE_CHECKING

from idp.keystore.keys import KeysUnfit, RootKey
from idp.keystore.memory import InMemory
from idp.keystore.uri import TokenUri

if TYPE_CHECKING:
    from idp.keystore.token import Token


def root_key(key_id: str, key: bytes | None, uri: TokenUri | None) -> RootKey:
    """The root key: in memory if it is here, or else what asks the token. Nothing is opened before it is asked.

    Raises KeysUnfit if it should be in a token, and nothing here speaks to one.
    """
    if key is not None:
        return InMemory(key)
    holder = token(uri)
    from idp.keystore.roots import InToken  # noqa: PLC0415 -- see the module's head

    return InToken(holder, key_id)


def token(uri: TokenUri | None) -> "Token":
    """The token of this process. Raises KeysUnfit as above."""
    if uri is None:
        raise KeysUnfit("keys are in a token, and PKCS11_URI does not say where it is")
    try:
        from idp.keystore.token import of  # noqa: PLC0415 -- see the module's head
    except ImportError as error:
        raise KeysUnfit("keys are in a token, and python-pkcs11 is not installed (requirements-hsm.txt)") from error
    return of(uri)


def create_root_key(key_id: str, uri: TokenUri) -> None:
    """Make a root key in the token. Raises KeysAway; KeysUnfit if there is one of this name."""
    holder = token(uri)
    from idp.keystore.roots import names  # noqa: PLC0415 -- as above

    holder.make_secret_keys(*names(key_id))
