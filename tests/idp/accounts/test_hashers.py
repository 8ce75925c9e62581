"""How passwords are hashed, and which hashes from elsewhere are taken over and verified."""

import base64
import hashlib
import re
import unicodedata

import argon2
import bcrypt
import pytest
from django.contrib.auth import hashers as django_hashers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from idp.accounts import adoption, hashers
from idp.accounts.adoption import UnusableHash, adopt

PASSWORD = "correct horse battery staple"


def b64(octets):
    return base64.b64encode(octets).decode().rstrip("=")


def phc_pbkdf2(raw, *, digest="sha256", iterations=10_000, salt=bytes(range(240, 256)), length=None):
    derived = hashlib.pbkdf2_hmac(digest, raw.encode(), salt, iterations, length)
    return f"$pbkdf2-{digest}$i={iterations},l={len(derived)}${b64(salt)}${b64(derived)}"


def passlib_pbkdf2(raw, *, digest="sha256", iterations=10_000, salt=bytes(range(240, 256))):
    derived = hashlib.pbkdf2_hmac(digest, raw.encode(), salt, iterations)
    name = "pbkdf2" if digest == "sha1" else f"pbkdf2-{digest}"
    return f"${name}${iterations}${b64(salt)}${b64(derived)}".replace("+", ".")


def phc_argon2(raw, *, kind=argon2.low_level.Type.ID, memory=1024, passes=1, lanes=1, version=19):
    return argon2.low_level.hash_secret(
        raw.encode(), b"16 bytes of salt", passes, memory, lanes, 32, kind, version
    ).decode()


def raw_bcrypt(raw, *, prefix=b"2b"):
    return bcrypt.hashpw(raw.encode()[:72], bcrypt.gensalt(8)).replace(b"$2b$", b"$" + prefix + b"$").decode()


def django_encoded(name, raw, **cheaper):
    hasher = getattr(django_hashers, name)()
    for attribute, value in cheaper.items():
        setattr(hasher, attribute, value)
    return hasher.encode(raw, hasher.salt())


EXPORTS = {
    "bcrypt $2b$": raw_bcrypt,
    "bcrypt $2a$": lambda raw: raw_bcrypt(raw, prefix=b"2a"),
    "bcrypt $2y$, as PHP writes it": lambda raw: raw_bcrypt(raw, prefix=b"2y"),
    "argon2id": phc_argon2,
    "argon2i": lambda raw: phc_argon2(raw, kind=argon2.low_level.Type.I),
    "argon2id, version 16": lambda raw: phc_argon2(raw, version=16),
    "argon2id without a version": lambda raw: phc_argon2(raw, version=16).replace("$v=16", ""),
    "PBKDF2-SHA256, PHC": phc_pbkdf2,
    "PBKDF2-SHA512, PHC": lambda raw: phc_pbkdf2(raw, digest="sha512"),
    "PBKDF2-SHA256, PHC, longer than a digest": lambda raw: phc_pbkdf2(raw, length=64),
    "PBKDF2-SHA256, passlib": passlib_pbkdf2,
    "PBKDF2-SHA512, passlib": lambda raw: passlib_pbkdf2(raw, digest="sha512"),
    "PBKDF2-SHA1, passlib": lambda raw: passlib_pbkdf2(raw, digest="sha1"),
    "Django PBKDF2": lambda raw: django_encoded("PBKDF2PasswordHasher", raw, iterations=10_000),
    "Django PBKDF2-SHA1": lambda raw: django_encoded("PBKDF2SHA1PasswordHasher", raw, iterations=10_000),
    "Django argon2": lambda raw: django_encoded("Argon2PasswordHasher", raw, memory_cost=512, parallelism=2),
    "Django bcrypt": lambda raw: django_encoded("BCryptPasswordHasher", raw, rounds=8),
    "Django bcrypt-SHA256": lambda raw: django_encoded("BCryptSHA256PasswordHasher", raw, rounds=8),
    "Django scrypt": lambda raw: django_encoded("ScryptPasswordHasher", raw, parallelism=1),
}
each_export = pytest.mark.parametrize("export", EXPORTS.values(), ids=EXPORTS.keys())


@pytest.mark.hashing
def test_a_new_password_is_hashed_with_argon2id_at_owasp_parameters():
    encoded = hashers.hash_password(PASSWORD)

    assert re.match(r"argon2\$argon2id\$v=19\$m=19456,t=2,p=1\$", encoded)
    assert hashers.verify_password(PASSWORD, encoded)
    assert not hashers.verify_password(PASSWORD + " ", encoded)
    assert not hashers.needs_upgrade(encoded)


def test_two_hashes_of_one_password_differ():
    assert hashers.hash_password(PASSWORD) != hashers.hash_password(PASSWORD)


@pytest.mark.parametrize("raw", ["Crème brûlée à Åbo", "ﬁne ﬂowers ２０２６", "한국어 비밀번호 문장", "µ-service ½"])
def test_two_spellings_of_one_text_are_one_password(raw):
    for stored in ("NFC", "NFD", "NFKC", "NFKD"):
        encoded = hashers.hash_password(unicodedata.normalize(stored, raw))
        for typed in ("NFC", "NFD"):
            assert hashers.verify_password(unicodedata.normalize(typed, raw), encoded)


def test_spaces_at_the_ends_count():
    encoded = hashers.hash_password("  two spaces before and one after ")

    assert hashers.verify_password("  two spaces before and one after ", encoded)
    assert not hashers.verify_password("two spaces before and one after", encoded)


def test_characters_beyond_72_bytes_count():
    encoded = hashers.hash_password("x" * 72 + "one end")

    assert not hashers.verify_password("x" * 72 + "another", encoded)


@pytest.mark.parametrize("raw", ["x" * 1025, "x" * 5_000_000, "\ufdfa" * 1000, "half a pair \ud83d", ""])
def test_what_no_hash_function_should_see_is_a_wrong_password_and_no_error(raw):
    encoded = hashers.hash_password(PASSWORD)

    assert not hashers.verify_password(raw, encoded)
    hashers.burn(raw)


@pytest.mark.parametrize("raw", ["x" * 1025, "\ufdfa" * 1000, "half a pair \ud83d"])
def test_what_no_hash_function_should_see_cannot_be_stored(raw):
    with pytest.raises(hashers.UnhashablePassword):
        hashers.hash_password(raw)


def test_nobody_costs_the_work_of_somebody(monkeypatch):
    asked = []
    real = argon2.low_level.hash_secret

    def recorded(secret, salt, **parameters):
        asked.append((secret, len(salt), parameters))
        return real(secret, salt, **parameters)

    monkeypatch.setattr(argon2.low_level, "hash_secret", recorded)
    hashers.hash_password("ﬁne")
    hashers.burn("ﬁne")

    for_somebody, for_nobody = asked
    assert for_somebody[0] == b"fine"
    assert for_nobody == for_somebody


def test_an_unreadable_stored_hash_is_a_wrong_password_and_an_alarm():
    with capture_logs() as logged:
        assert not hashers.verify_password(PASSWORD, "rot13$cnffjbeq")

    assert [entry["event"] for entry in logged] == ["password hash unreadable"]


@each_export
def test_an_imported_hash_verifies_and_asks_for_an_upgrade(export):
    stored = adopt(export(PASSWORD))

    assert hashers.verify_password(PASSWORD, stored)
    assert not hashers.verify_password("another password", stored)
    assert hashers.needs_upgrade(stored)
    assert adopt(stored) == stored


@each_export
def test_an_imported_hash_of_text_that_was_not_normalised_verifies(export):
    stored = adopt(export("10 µm ½ ﬁne"))

    assert hashers.verify_password("10 µm ½ ﬁne", stored)


@each_export
def test_an_imported_hash_cut_anywhere_is_refused_or_at_least_harmless(export):
    whole = export(PASSWORD)
    for end in range(len(whole)):
        try:
            stored = adopt(whole[:end])
        except UnusableHash:
            continue
        else:  # an argon2 or PBKDF2 hash may be shorter; it then belongs to another password
            assert "argon2" in stored or "pbkdf2_raw" in stored
            assert not hashers.verify_password("another password", stored)


def test_an_import_with_our_own_parameters_is_still_a_guest():
    stored = adopt(phc_argon2(PASSWORD, memory=19456, passes=2))

    assert hashers.needs_upgrade(stored)


def test_bcrypt_ignores_what_the_former_system_ignored():
    long = "x" * 72 + "never read"
    stored = adopt(raw_bcrypt(long))

    assert hashers.verify_password(long, stored)
    assert hashers.verify_password("x" * 72 + "otherwise", stored)
    assert not hashers.verify_password("x" * 71, stored)


def test_bcrypt_cuts_at_bytes_even_inside_a_character():
    long = "x" * 71 + "é and more"

    assert hashers.verify_password(long, adopt(raw_bcrypt(long)))


def test_bcrypt_with_stray_bits_after_its_salt_verifies():
    tidy = raw_bcrypt(PASSWORD)
    alphabet = adoption._BCRYPT_ALPHABET
    stray = tidy[:28] + alphabet[alphabet.index(tidy[28]) | 0b001111] + tidy[29:]

    assert stray != tidy
    assert hashers.verify_password(PASSWORD, adopt(stray))


@pytest.mark.parametrize(
    ("encoded", "says"),
    [
        ("", "names no scheme"),
        ("hunter2", "names no scheme"),
        ("5f4dcc3b5aa765d61d8327deb882cf99", "names no scheme"),
        ("{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "names no scheme"),
        ("md5$salt$0123456789abcdef0123456789abcdef", "“md5”"),
        ("sha1$salt$0123456789abcdef0123456789abcdef01234567", "“sha1”"),
        ("$1$salt$hash", "“1”"),
        ("$6$rounds=5000$salt$hash", "“6”"),
        ("$2x$12$" + "a" * 53, "“2x”"),
        ("!" + "x" * 40, "Leave password_hash out"),
        ("$2b$04$" + "a" * 53, "4 is less than 8"),
        ("$2b$31$" + "a" * 53, "31 is more than 14"),
        ("$2b$12$" + "a" * 52, "misspelt"),
        ("$argon2id$v=19$m=4294967295,t=1,p=1$c29tZXNhbHRzb21l$" + "A" * 43, "memory"),
        ("$argon2id$v=19$m=65536,t=4000000,p=1$c29tZXNhbHRzb21l$" + "A" * 43, "passes"),
        ("$argon2id$v=19$m=65536,t=3,p=255$c29tZXNhbHRzb21l$" + "A" * 43, "lanes"),
        ("$argon2id$v=19$m=262144,t=16,p=1$c29tZXNhbHRzb21l$" + "A" * 43, "work"),
        ("$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHRzb21l$" + "A" * 43, "too weak"),
        ("$argon2id$v=19$m=65536,t=3,p=1$AAAA$" + "A" * 43, "salt"),
        ("$argon2id$v=19$m=65536,t=3,p=1$c29tZXNhbHRzb21l$AAAA", "hash's length"),
        ("$argon2id$v=20$m=65536,t=3,p=1$c29tZXNhbHRzb21l$" + "A" * 43, "version"),
        ("$pbkdf2-sha256$1$c29tZXNhbHRzb21l$" + "A" * 43, "1 is less than 10000"),
        ("$pbkdf2-sha256$i=999999999$c29tZXNhbHRzb21l$" + "A" * 43, "is more than"),
        ("$pbkdf2-sha256$i=29000,l=64$c29tZXNhbHRzb21l$" + "A" * 43, "differs"),
        ("$pbkdf2-sha256$29000$c29tZXNhbHRzb21lA$" + "A" * 43, "misspelt"),
        ("$pbkdf2-md5$29000$c29tZXNhbHRzb21l$" + "A" * 43, "“pbkdf2-md5”"),
        ("pbkdf2_sha256$1$saltsaltsalt$" + "A" * 43 + "=", "1 is less than 10000"),
        ("pbkdf2_sha256$999999999$saltsaltsalt$" + "A" * 43 + "=", "is more than"),
        ("pbkdf2_sha256$1000000$saltsaltsalt$" + "A" * 22 + "==", "misspelt"),
        ("pbkdf2_sha256$1000000$salt$" + "A" * 43 + "=", "salt"),
        ("scrypt$1048576$saltsaltsalt$8$1$" + "A" * 86 + "==", "N"),
        ("scrypt$16385$saltsaltsalt$8$1$" + "A" * 86 + "==", "power of two"),
        ("scrypt$131072$saltsaltsalt$64$1$" + "A" * 86 + "==", "memory"),
        ("scrypt$16384$saltsaltsalt$8$999$" + "A" * 86 + "==", "work"),
        ("$2b$12$" + "a" * 53 + "\n", "characters no hash has"),
        ("$2b$12$" + "a" * 52 + "é", "characters no hash has"),
        ("$argon2id$" + "A" * 600, "over 512 characters"),
    ],
)
def test_a_hash_that_cannot_be_taken_over_is_refused_in_a_sentence(encoded, says):
    with pytest.raises(UnusableHash, match=re.escape(says)) as refusal:
        adopt(encoded)

    assert str(refusal.value).endswith(".")
    assert "A" * 20 not in str(refusal.value)


HALF_RIGHT = r"\$?(argon2id?|2b|pbkdf2-sha256|pbkdf2_sha256|bcrypt|scrypt)\$[\x20-\x7e]{0,60}"


@given(st.one_of(st.text(max_size=80), st.from_regex(HALF_RIGHT)))
def test_adopting_any_text_ends_in_a_stored_form_or_in_a_refusal(text):
    try:
        stored = adopt(text)
    except UnusableHash:
        return
    assert adopt(stored) == stored


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(raw=st.text(max_size=60), salt=st.binary(min_size=8, max_size=64), length=st.integers(16, 64))
def test_pbkdf2_of_any_text_and_any_salt_verifies(raw, salt, length):
    try:
        stored = adopt(phc_pbkdf2(raw, salt=salt, length=length))
    except UnicodeEncodeError:
        return
    assert hashers.verify_password(raw, stored)
