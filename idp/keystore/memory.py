"""A root key that came with the environment. Whoever reads the process's memory or its environment has it."""

import hmac
from functools import lru_cache

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class InMemory:
    """Never touches data itself: each label and each use has a key derived from it (HKDF, RFC 5869)."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._of_label = lru_cache(maxsize=64)(lambda label: self.derive(label, 32))

    def mac(self, label: bytes, message: bytes) -> bytes:
        return hmac.digest(self._of_label(label), message, "sha256")

    def derive(self, info: bytes, length: int) -> bytes:
        return HKDF(algorithm=SHA256(), length=length, salt=None, info=info).derive(self._key)
