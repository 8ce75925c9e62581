"""PKCS#11 URIs (RFC 7512): what leads to a token, and what is refused in words."""

import pytest

from idp.keystore import uri
from idp.keystore.uri import TokenUri, Unusable

MODULE = "module-path=/usr/lib/softhsm/libsofthsm2.so"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (
            f"pkcs11:token=regain?{MODULE}&pin-source=file:/run/secrets/pin",
            TokenUri(module="/usr/lib/softhsm/libsofthsm2.so", label="regain", pin_source="/run/secrets/pin"),
        ),
        (
            f"pkcs11:token=The%20Vault;serial=00a1?pin-source=file:///run/pin&{MODULE}",
            TokenUri(module="/usr/lib/softhsm/libsofthsm2.so", label="The Vault", serial="00a1", pin_source="/run/pin"),
        ),
        (
            f"pkcs11:serial=00a1?pin-value=12%3B34&{MODULE}",
            TokenUri(module="/usr/lib/softhsm/libsofthsm2.so", serial="00a1", pin_value="12;34"),
        ),
    ],
)
def test_it_leads_to_a_token(text, read):
    assert uri.read(text) == read


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "begin with pkcs11:"),
        ("https://vault.example", "begin with pkcs11:"),
        (f"pkcs11:?{MODULE}&pin-value=1", "names no token"),
        ("pkcs11:token=regain?pin-value=1", "no module-path"),
        ("pkcs11:token=regain?module-path=softhsm.so&pin-value=1", "no module-path"),
        (f"pkcs11:token=regain?{MODULE}", "pin-source"),
        (f"pkcs11:token=regain?{MODULE}&pin-value=1&pin-source=/pin", "either"),
        (f"pkcs11:token=regain?{MODULE}&pin-source=|ask", "whole path"),
        (f"pkcs11:token=regain;object=key?{MODULE}&pin-value=1", "'object'"),
        (f"pkcs11:token=regain?{MODULE}&pin-value=1&x-more=1", "'x-more'"),
        (f"pkcs11:token=regain;token=other?{MODULE}&pin-value=1", "once"),
        (f"pkcs11:token=?{MODULE}&pin-value=1", "not empty"),
        (f"pkcs11:token=regain?{MODULE}&pin-value=%ff", "'pin-value' is not UTF-8"),
    ],
)
def test_what_is_not_understood_is_refused(text, why):
    with pytest.raises(Unusable, match=why.replace("?", ".")):
        uri.read(text)


def test_a_pin_is_in_no_message():
    assert "4711" not in repr(uri.read(f"pkcs11:token=regain?{MODULE}&pin-value=4711"))
    with pytest.raises(Unusable) as refused:
        uri.read(f"pkcs11:token=regain?{MODULE}&pin-value=4711&pin-source=/pin")
    assert "4711" not in str(refused.value)


def test_a_pin_is_read_when_it_is_needed(tmp_path):
    file = tmp_path / "pin"
    found = uri.read(f"pkcs11:token=regain?{MODULE}&pin-source={file}")
    file.write_text("4711\n")
    assert found.pin() == "4711"
