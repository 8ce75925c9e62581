"""Seals, digests and ciphertexts: bound to their parts, their row and their use; rotation by key id."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp import keyring
from idp.keyring import Tampered

OLD = ("t1", b"test root key number one, 32 bytes!")
NEW = ("t2", b"test root key number two, 32 bytes!")

parts = st.lists(st.one_of(st.text(max_size=8), st.binary(max_size=8), st.integers(), st.none()), max_size=4)


@given(one=parts, other=parts)
def test_different_parts_never_share_an_encoding(one, other):
    same = [(type(part), part) for part in one] == [(type(part), part) for part in other]
    assert (keyring.canonical(*one) == keyring.canonical(*other)) == same


def test_a_seal_holds_for_exactly_its_parts_and_label():
    sealed = keyring.seal("credential", "jane", 1, b"hash")
    assert keyring.is_sealed("credential", sealed, "jane", 1, b"hash")
    for other in [
        ("jane", 2, b"hash"),
        ("john", 1, b"hash"),
        ("jane", 1, b"hasH"),
        ("jane", "1", b"hash"),
        ("jane1", b"hash"),
    ]:
        assert not keyring.is_sealed("credential", sealed, *other)
    assert not keyring.is_sealed("sign-in", sealed, "jane", 1, b"hash")


@pytest.mark.parametrize("nonsense", ["", ".", "t2", "t2.", "t9.abc", "t2.ÿ", "x" * 500])
def test_nonsense_is_no_seal(nonsense):
    assert not keyring.is_sealed("credential", nonsense, "jane")


def test_a_ciphertext_opens_only_in_its_own_row():
    ciphertext = keyring.encrypt("recovery-address-encryption", "jane@contoso.example", b"row 1")
    assert "jane" not in ciphertext
    assert keyring.decrypt("recovery-address-encryption", ciphertext, b"row 1") == "jane@contoso.example"
    for label, row in [("recovery-address-encryption", b"row 2"), ("signing-key", b"row 1")]:
        with pytest.raises(Tampered):
            keyring.decrypt(label, ciphertext, row)
    with pytest.raises(Tampered):
        keyring.decrypt("recovery-address-encryption", ciphertext[:-2] + "AA", b"row 1")


def test_two_ciphertexts_of_one_text_differ():
    assert keyring.encrypt("x", "same", 1) != keyring.encrypt("x", "same", 1)


def test_a_rotated_root_key_reads_the_old_and_writes_the_new(settings):
    settings.ROOT_KEYS = (OLD,)
    sealed, ciphertext = keyring.seal("x", "a"), keyring.encrypt("x", "text", 1)
    digest = keyring.digest("x", "a")
    settings.ROOT_KEYS = (NEW, OLD)
    assert keyring.is_sealed("x", sealed, "a")
    assert keyring.decrypt("x", ciphertext, 1) == "text"
    assert keyring.digest("x", "a") == digest, "what is looked up must be found again"
    assert keyring.seal("x", "a").startswith("t2.")
    assert keyring.encrypt("x", "text", 1).startswith("t2.")


def test_a_removed_root_key_closes_and_does_not_open(settings):
    settings.ROOT_KEYS = (OLD,)
    sealed, ciphertext = keyring.seal("x", "a"), keyring.encrypt("x", "text", 1)
    settings.ROOT_KEYS = (NEW,)
    assert not keyring.is_sealed("x", sealed, "a")
    with pytest.raises(Tampered):
        keyring.decrypt("x", ciphertext, 1)
    with pytest.raises(Tampered):
        keyring.derive("x", key_id="t1")


def test_each_label_has_a_key_of_its_own():
    keys = {keyring.derive(label, key_id="t1") for label in ("seal", "otp", "tokens", "")}
    assert len(keys) == 4
    assert keyring.derive("otp", b"1", key_id="t1") != keyring.derive("otp", b"2", key_id="t1")


def test_the_root_key_itself_is_never_used():
    assert keyring.derive("anything", key_id="t1") != OLD[1][:32]
