"""Which password hashes made by other systems may come in, and in what form they are kept.

adopt() takes what an operator's export contains and returns what accounts.hashers can verify, or says in
one sentence why not. Parameters have a floor and a ceiling. Below the floor a stolen table is read in an
afternoon; above the ceiling each sign-in try would cost the server more than a second, and an export could
be made to stop it.
"""

import base64
import re
from typing import Final

from idp.accounts.hashers import unpadded_b64decode

LONGEST_HASH: Final = 512
#: Bytes of an authenticator app's key. RFC 4226 4 asks for 16; the 10 that some systems gave out are taken over.
TOTP_SECRET_BYTES: Final = (10, 64)
_LONGEST_SECRET: Final = 200

PBKDF2_ITERATIONS: Final = (10_000, 2_000_000)
BCRYPT_COST: Final = (8, 14)
ARGON2_MEMORY: Final = (512, 262_144)  # KiB; 512 was Django's default until 3.1
ARGON2_PASSES: Final = (1, 16)
ARGON2_LANES: Final = (1, 16)
ARGON2_WORK: Final = (1024, 1_048_576)  # memory × passes
SCRYPT_N: Final = (2**13, 2**17)
SCRYPT_WORK: Final = (2**16, 2**22)  # N × r × p
SCRYPT_MEMORY: Final = (2**19, 2**27)  # bytes: 128 × N × r
SALT_BYTES: Final = (8, 64)
DIGEST_BYTES: Final = (16, 64)

_BCRYPT_ALPHABET: Final = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_PBKDF2_DIGEST_BYTES: Final = {"sha1": 20, "sha256": 32}

_BCRYPT = re.compile(r"\$(2[aby])\$(\d\d)\$([./A-Za-z0-9]{22})([./A-Za-z0-9]{31})")
_ARGON2 = re.compile(
    r"\$argon2(?:id|i|d)(?:\$v=(\d{1,3}))?\$m=(\d{1,10}),t=(\d{1,10}),p=(\d{1,10})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)"
)
_PBKDF2 = re.compile(
    r"\$pbkdf2(?:-(sha1|sha256|sha512))?\$(?:i=(\d{1,10})(?:,l=(\d{1,4}))?|(\d{1,10}))\$([A-Za-z0-9+/.]+)={0,2}\$([A-Za-z0-9+/.]+)={0,2}"
)
_DJANGO_PBKDF2 = re.compile(r"pbkdf2_(sha1|sha256)\$(\d{1,10})\$([^$]+)\$([A-Za-z0-9+/]+={0,2})")
_RAW_PBKDF2 = re.compile(r"pbkdf2_raw_(sha1|sha256|sha512)\$(\d{1,10})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)")
_DJANGO_SCRYPT = re.compile(r"scrypt\$(\d{1,10})\$([^$]+)\$(\d{1,5})\$(\d{1,5})\$([A-Za-z0-9+/]+={0,2})")


class UnusableHash(ValueError):  # noqa: N818 -- it says what happened
    """The hash cannot be taken over. Its text is a sentence for the operator and never contains the hash."""


class UnusableSecret(ValueError):  # noqa: N818 -- it says what happened
    """The key cannot be taken over. Its text is a sentence for the operator and never contains the key."""


def adopt_totp_secret(text: str) -> bytes:
    """Return the key of an authenticator app, as systems and apps spell it: base 32, perhaps spaced or padded."""
    spelt = "".join(text[:_LONGEST_SECRET].replace("-", " ").split()).rstrip("=").upper()
    try:
        secret = base64.b32decode(spelt + "=" * (-len(spelt) % 8))
    except ValueError:
        raise UnusableSecret("totp_secret is not base 32.") from None
    shortest, longest = TOTP_SECRET_BYTES
    if not shortest <= len(secret) <= longest:
        raise UnusableSecret(f"totp_secret has {len(secret)} bytes; {shortest} to {longest} are taken over.")
    return secret


def adopt(encoded: str) -> str:
    """Return the stored form of an imported hash. Adopting a stored form again changes nothing."""
    if len(encoded) > LONGEST_HASH or not encoded.isascii() or not encoded.isprintable() or " " in encoded:
        raise UnusableHash(
            f"This is no password hash: it is over {LONGEST_HASH} characters, or has characters no hash has."
        )
    scheme = _scheme(encoded)
    match scheme:
        case "2a" | "2b" | "2y":
            return "bcrypt$" + _bcrypt(encoded)
        case "bcrypt" | "bcrypt_sha256":
            return f"{scheme}$" + _bcrypt(encoded.removeprefix(f"{scheme}$"))
        case "argon2id" | "argon2i" | "argon2d":
            return "imported_argon2" + _argon2(encoded)
        case "argon2" | "imported_argon2":
            return "imported_argon2" + _argon2(encoded.removeprefix(scheme))
        case "pbkdf2" | "pbkdf2-sha1" | "pbkdf2-sha256" | "pbkdf2-sha512":
            return _pbkdf2(encoded)
        case "pbkdf2_raw_sha1" | "pbkdf2_raw_sha256" | "pbkdf2_raw_sha512":
            return _raw_pbkdf2(encoded)
        case "pbkdf2_sha1" | "pbkdf2_sha256":
            return _django_pbkdf2(encoded)
        case "scrypt":
            return _django_scrypt(encoded)
        case _:
            raise _unknown(scheme)


def _scheme(encoded: str) -> str:
    """Return the name a hash begins with: between the first two dollars, or before the first."""
    if encoded.startswith("!"):
        return "!"
    parts = encoded.split("$", 2)
    if len(parts) < 2:  # noqa: PLR2004 - no dollar, no scheme
        return ""
    return parts[0] or parts[1]


def _unknown(scheme: str) -> UnusableHash:
    known = "It must be argon2, bcrypt, PBKDF2 or scrypt, Django-encoded or in PHC form."
    if scheme == "!":
        return UnusableHash("This is Django's mark for “no usable password”. Leave password_hash out instead.")
    if re.fullmatch(r"[A-Za-z0-9_-]{1,24}", scheme):
        return UnusableHash(f"Password hashes of the scheme “{scheme}” cannot be verified here. {known}")
    return UnusableHash(f"The password hash names no scheme. {known}")


def _bcrypt(phc: str) -> str:
    found = _BCRYPT.fullmatch(phc)
    if not found:
        raise _malformed("bcrypt")
    variant, cost, salt, digest = found.groups()
    _within("bcrypt's cost", int(cost), BCRYPT_COST)
    # Some libraries leave set bits in the last characters that carry no data. Ours computes the hash anew,
    # without them, and compares; so they are cleared here or the right password would be a wrong one.
    return f"${variant}${cost}${_cleared(salt, 0b110000)}{_cleared(digest, 0b111100)}"


def _cleared(text: str, mask: int) -> str:
    return text[:-1] + _BCRYPT_ALPHABET[_BCRYPT_ALPHABET.index(text[-1]) & mask]


def _argon2(phc: str) -> str:
    found = _ARGON2.fullmatch(phc)
    if not found:
        raise _malformed("argon2")
    version, memory, passes, lanes, salt, digest = found.groups()
    if version not in (None, "16", "19"):
        raise UnusableHash("argon2's version must be 16 or 19.")
    _within("argon2's memory (m, in KiB)", int(memory), ARGON2_MEMORY)
    _within("argon2's passes (t)", int(passes), ARGON2_PASSES)
    _within("argon2's lanes (p)", int(lanes), ARGON2_LANES)
    _within("argon2's work (m × t)", int(memory) * int(passes), ARGON2_WORK)
    _within("the salt's length in bytes", len(_decoded("argon2", salt)), SALT_BYTES)
    _within("the hash's length in bytes", len(_decoded("argon2", digest)), DIGEST_BYTES)
    return phc


def _pbkdf2(phc: str) -> str:
    found = _PBKDF2.fullmatch(phc)
    if not found:
        raise _malformed("PBKDF2")
    digest_name, phc_iterations, length, passlib_iterations, salt_text, digest_text = found.groups()
    # passlib writes "." where base64 has "+".
    salt = _decoded("PBKDF2", salt_text.replace(".", "+"))
    digest = _decoded("PBKDF2", digest_text.replace(".", "+"))
    if length is not None and int(length) != len(digest):
        raise UnusableHash("PBKDF2's length (l) differs from the length of the hash itself.")
    return _raw_pbkdf2_of(digest_name or "sha1", int(phc_iterations or passlib_iterations), salt, digest)


def _raw_pbkdf2(encoded: str) -> str:
    found = _RAW_PBKDF2.fullmatch(encoded)
    if not found:
        raise _malformed("PBKDF2")
    digest_name, iterations, salt, digest = found.groups()
    return _raw_pbkdf2_of(digest_name, int(iterations), _decoded("PBKDF2", salt), _decoded("PBKDF2", digest))


def _raw_pbkdf2_of(digest_name: str, iterations: int, salt: bytes, digest: bytes) -> str:
    _within("PBKDF2's iterations", iterations, PBKDF2_ITERATIONS)
    _within("the salt's length in bytes", len(salt), SALT_BYTES)
    _within("the hash's length in bytes", len(digest), DIGEST_BYTES)
    return f"pbkdf2_raw_{digest_name}${iterations}${_unpadded(salt)}${_unpadded(digest)}"


def _django_pbkdf2(encoded: str) -> str:
    found = _DJANGO_PBKDF2.fullmatch(encoded)
    if not found:
        raise _malformed("PBKDF2")
    digest_name, iterations, salt, digest = found.groups()
    _within("PBKDF2's iterations", int(iterations), PBKDF2_ITERATIONS)
    _within("the salt's length in bytes", len(salt), SALT_BYTES)
    _exactly(_PBKDF2_DIGEST_BYTES[digest_name], "PBKDF2", digest)
    return f"pbkdf2_{digest_name}${int(iterations)}${salt}${digest}"


def _django_scrypt(encoded: str) -> str:
    found = _DJANGO_SCRYPT.fullmatch(encoded)
    if not found:
        raise _malformed("scrypt")
    n, r, p = int(found[1]), int(found[3]), int(found[4])
    _within("scrypt's N", n, SCRYPT_N)
    if n & (n - 1):
        raise UnusableHash("scrypt's N must be a power of two.")
    _within("scrypt's memory in bytes (128 × N × r)", 128 * n * r, SCRYPT_MEMORY)
    _within("scrypt's work (N × r × p)", n * r * p, SCRYPT_WORK)
    _within("the salt's length in bytes", len(found[2]), SALT_BYTES)
    _exactly(64, "scrypt", found[5])
    return f"scrypt${n}${found[2]}${r}${p}${found[5]}"


def _within(what: str, value: int, limits: tuple[int, int]) -> None:
    least, most = limits
    if value < least:
        raise UnusableHash(f"{_capitalised(what)}: {value} is less than {least}, too weak to be taken over.")
    if value > most:
        raise UnusableHash(f"{_capitalised(what)}: {value} is more than {most}, too much to verify at each sign-in.")


def _exactly(length: int, scheme: str, digest: str) -> None:
    if len(_decoded(scheme, digest.rstrip("="))) != length or len(digest) % 4:
        raise _malformed(scheme)


def _decoded(scheme: str, text: str) -> bytes:
    try:
        return unpadded_b64decode(text)
    except ValueError as error:
        raise _malformed(scheme) from error


def _unpadded(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii").rstrip("=")


def _malformed(scheme: str) -> UnusableHash:
    return UnusableHash(f"The {scheme} hash is cut short or misspelt.")


def _capitalised(text: str) -> str:
    return text if text.startswith(("argon2", "bcrypt", "scrypt")) else text[:1].upper() + text[1:]
