"""A root key in a token.

Two keys there make a root key `k1`: `regain-seal-k1` makes seals and digests, `regain-derive-k1` gives out what codes
and ciphertexts are made with. They are two, so that nothing that is derived can be mistaken for a seal.
"""

from idp.keystore.token import Token


class InToken:
    """A root key in a token."""

    def __init__(self, token: Token, key_id: str) -> None:
        self._token = token
        self._seal, self._derive = names(key_id)

    def mac(self, label: bytes, message: bytes) -> bytes:
        """The label comes first, and says where it ends (`idp.keyring.canonical`)."""
        return self._token.mac(self._seal, label + message)

    def derive(self, info: bytes, length: int) -> bytes:
        """HKDF-Expand (RFC 5869 2.3). There is nothing to extract (3.3): the key is random, and made in the token."""
        out = block = b""
        counter = 1
        while len(out) < length:
            block = self._token.mac(self._derive, block + info + bytes([counter]))
            out, counter = out + block, counter + 1
        return out[:length]


def names(key_id: str) -> tuple[str, str]:
    """What the two keys in the token are called that make the root key."""
    return f"regain-seal-{key_id}", f"regain-derive-{key_id}"
