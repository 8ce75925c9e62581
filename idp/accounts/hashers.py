"""How passwords become hashes, and how hashes that other systems made are verified here.

New passwords are hashed with Argon2id and nothing else. The other classes only verify: an imported account
keeps the hash it came with until its owner signs in, and then gets a new one (needs_upgrade). What may come
in at all is decided by accounts.adoption.

Text is normalised in one place, _as_hashed: everything that hashes or verifies passes through it. Unicode
lets two keyboards spell one password differently; NFKC makes them one (NIST SP 800-63B, "Password
verifiers").

Nothing is hashed in the thread of its caller: idp.hashing says who may hash, and when. In a request, all of this
raises its `Busy` unless the caller holds a place.
"""

import base64
import binascii
import hashlib
import secrets
import unicodedata
from typing import Any, Final

import bcrypt
import structlog
from argon2 import Type, low_level
from django.contrib.auth import hashers as django_hashers
from django.utils.crypto import constant_time_compare

from idp import hashing

log = structlog.get_logger(__name__)

LONGEST_HASHED: Final = 1024
"""Characters. Nothing longer reaches a hash function, so length cannot be used to burn time."""

_BURNT_SALT: Final = "nobodynobodynobodynobo"  # as long as a real one


class UnhashablePassword(ValueError):  # noqa: N818 -- it says what happened
    """Too long to hash, or not encodable. The password rules refuse such a text earlier."""


def hash_password(raw: str) -> str:
    """Return a new Argon2id hash of the normalised password, with a fresh salt."""
    text = _as_hashed(raw)
    if text is None:
        raise UnhashablePassword("The password is too long, or is not valid text.")
    preferred = django_hashers.get_hasher()
    return str(hashing.run(preferred.encode, text, preferred.salt()))


def verify_password(raw: str, encoded: str) -> bool:
    """Tell whether `raw` is the password behind `encoded`. No error for anything a person can type.

    A hash made elsewhere is also tried with the text exactly as typed, when normalising changed it: the
    former system may not have normalised, and its users should not have to know.
    """
    text = _as_hashed(raw)
    if text is None:
        return False
    try:
        hasher = django_hashers.identify_hasher(encoded)
        if hashing.run(hasher.verify, text, encoded):
            return True
        return isinstance(hasher, VerifyOnly) and text != raw and bool(hashing.run(hasher.verify, raw, encoded))
    except (ValueError, AssertionError):
        # Sealed rows hold only what this module or adopt() made, so this is a setting that lost a hasher.
        log.exception("password hash unreadable", hint="Is settings.PASSWORD_HASHERS complete?")
        burn(raw)
        return False


def needs_upgrade(encoded: str) -> bool:
    """Tell whether a correct password should be hashed anew: its scheme or parameters are not today's."""
    preferred = django_hashers.get_hasher()
    if encoded.split("$", 1)[0] != preferred.algorithm:
        return True
    return bool(preferred.must_update(encoded))


def burn(raw: str) -> None:
    """Do the work of verifying a password and forget the result, so that time does not tell who exists."""
    text = _as_hashed(raw)
    if text is not None:
        hashing.run(django_hashers.get_hasher().encode, text, _BURNT_SALT)


def stretch(text: str, recipe: str) -> bytes:
    """Do the work of one password hash to `text`, with the salt and parameters of `recipe`.

    For several short secrets under one salt (saved recovery codes): a try at all of them costs one hash. What comes
    out is not to be stored as it is: seal it.
    """
    memory, times, lanes, salt = recipe.split("$")
    return hashing.run(
        low_level.hash_secret_raw,
        text.encode(),
        unpadded_b64decode(salt),
        time_cost=int(times),
        memory_cost=int(memory),
        parallelism=int(lanes),
        hash_len=32,
        type=Type.ID,
    )


def new_recipe() -> str:
    """Today's parameters, which are those of passwords, and a fresh salt."""
    salt = base64.b64encode(secrets.token_bytes(16)).rstrip(b"=").decode()
    return f"{Argon2idHasher.memory_cost}${Argon2idHasher.time_cost}${Argon2idHasher.parallelism}${salt}"


def _as_hashed(raw: str) -> str | None:
    """Return the one spelling of a password that is hashed, or None if no hash function may see it."""
    if len(raw) > LONGEST_HASHED:
        return None
    text = unicodedata.normalize("NFKC", raw)
    try:
        text.encode()
    except UnicodeEncodeError:  # half a surrogate pair: possible in JSON, never from a keyboard
        return None
    return text if len(text) <= LONGEST_HASHED else None


class Argon2idHasher(django_hashers.Argon2PasswordHasher):
    """What new passwords get: OWASP's second parameter set (19 MiB, two passes, one lane), 20 to 30 ms a try.

    Instead of Django's default (100 MiB, eight lanes): a burst of sign-ins at 100 MiB each is a denial of
    service on a small server, and OWASP rates the two as equally hard to crack.
    """

    time_cost = 2
    memory_cost = 19456
    parallelism = 1


class VerifyOnly:
    """Mixed into every hasher that may read a hash from elsewhere, but never makes one for a new password."""

    def salt(self) -> Any:
        raise NotImplementedError(f"{type(self).__name__} only verifies imported hashes.")

    def must_update(self, encoded: str) -> bool:  # noqa: ARG002 - Django's signature
        return True

    def harden_runtime(self, password: str, encoded: str) -> None:
        """Do nothing: the first right password ends the difference, see needs_upgrade."""


class ImportedArgon2Hasher(VerifyOnly, django_hashers.Argon2PasswordHasher):
    """Argon2 of any variety and parameters, `imported_argon2$argon2id$v=19$m=…,t=…,p=…$salt$hash`.

    Its own name, though Argon2idHasher could read it too, so that verify_password knows a guest from its own.
    """

    algorithm = "imported_argon2"


class BcryptHasher(VerifyOnly, django_hashers.BCryptPasswordHasher):
    """Plain bcrypt, `bcrypt$$2b$12$…`. Reads 72 bytes of the password and ignores the rest, as it always did.

    bcrypt 5 refuses longer input instead. The former system accepted those passwords, so cutting here is
    the only way in which their owners' passwords stay right; the upgrade after the first sign-in takes the
    whole password.
    """

    def encode(self, password: str, salt: Any) -> str:
        hashed = bcrypt.hashpw(password.encode()[:72], salt)
        return f"{self.algorithm}${hashed.decode('ascii')}"


class BcryptSha256Hasher(VerifyOnly, django_hashers.BCryptSHA256PasswordHasher):
    """Django's bcrypt over SHA-256, which has no 72-byte limit."""


class Pbkdf2Sha256Hasher(VerifyOnly, django_hashers.PBKDF2PasswordHasher):
    """Django's PBKDF2 with HMAC-SHA256."""


class Pbkdf2Sha1Hasher(VerifyOnly, django_hashers.PBKDF2SHA1PasswordHasher):
    """Django's PBKDF2 with HMAC-SHA1. HMAC does not suffer from SHA-1's collisions."""


class ScryptHasher(VerifyOnly, django_hashers.ScryptPasswordHasher):
    """Django's scrypt."""

    maxmem = 256 * 1024 * 1024


class RawPbkdf2Sha256Hasher(VerifyOnly, django_hashers.BasePasswordHasher):
    """PBKDF2 as PHC and passlib write it: `pbkdf2_raw_sha256$iterations$salt$hash`, salt and hash in base64.

    Django's own PBKDF2 hasher takes the salt as text; here it is bytes that need not be text at all, and
    the hash may be shorter or longer than one digest.
    """

    algorithm = "pbkdf2_raw_sha256"
    digest_name = "sha256"

    def verify(self, password: str, encoded: str) -> bool:
        parts = self.decode(encoded)
        derived = hashlib.pbkdf2_hmac(
            self.digest_name, password.encode(), parts["salt"], parts["iterations"], len(parts["hash"])
        )
        return constant_time_compare(derived, parts["hash"])

    def decode(self, encoded: str) -> dict[str, Any]:
        algorithm, iterations, salt, digest = encoded.split("$")
        if algorithm != self.algorithm:
            raise ValueError(f"This is not a {self.algorithm} hash.")
        return {
            "algorithm": algorithm,
            "iterations": int(iterations),
            "salt": unpadded_b64decode(salt),
            "hash": unpadded_b64decode(digest),
        }

    def encode(self, password: str, salt: str) -> str:
        raise NotImplementedError(f"{type(self).__name__} only verifies imported hashes.")

    def safe_summary(self, encoded: str) -> dict[Any, Any]:
        parts = self.decode(encoded)
        return {"algorithm": parts["algorithm"], "iterations": parts["iterations"]}


class RawPbkdf2Sha512Hasher(RawPbkdf2Sha256Hasher):
    """The same with HMAC-SHA512."""

    algorithm = "pbkdf2_raw_sha512"
    digest_name = "sha512"


class RawPbkdf2Sha1Hasher(RawPbkdf2Sha256Hasher):
    """The same with HMAC-SHA1, which passlib calls plainly `pbkdf2`."""

    algorithm = "pbkdf2_raw_sha1"
    digest_name = "sha1"


def unpadded_b64decode(text: str) -> bytes:
    """Decode standard base64 written without its padding, as PHC does; ValueError for anything else."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError("This is not unpadded base64.") from error
