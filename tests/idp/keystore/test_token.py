"""Keys in a token: used there, and not to be had. The token is SoftHSM's, spoken to as any other."""

import copy
import io
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pkcs11
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.core.management import CommandError, call_command
from joserfc import jws
from pkcs11.constants import Attribute, MechanismFlag, ObjectClass
from pkcs11.mechanisms import KeyType

from idp import keyring
from idp.keystore import held, uri, where
from idp.keystore.keys import KeysAway, KeysUnfit
from idp.keystore.memory import InMemory
from idp.keystore.roots import InToken, names
from idp.keystore.token import Token
from idp.oidc import jose, own_keys
from tests.tokens import PIN


@pytest.fixture
def token(soft_token):
    """As one process speaks to it, with the root key h1."""
    found = Token(uri.read(soft_token.uri))
    found.make_secret_keys(*names("h1"))
    return found


@pytest.fixture
def impatient(token):
    """Does not wait after an outage."""
    token._breaker._pause = 0.0
    return token


def objects(soft_token, kind):
    """What somebody finds who has the PIN."""
    return list(opened(soft_token).get_objects({Attribute.CLASS: kind}))


def opened(soft_token, **options):
    found = pkcs11.lib(soft_token.module).get_token(token_label=soft_token.label)
    try:
        return found.open(user_pin=PIN, **options)
    except pkcs11.UserAlreadyLoggedIn:
        return found.open(**options)


def imported(soft_token, name, value, kept=()):
    """Somebody puts a key there that was somewhere else before."""
    opened(soft_token, rw=True).create_object(
        {
            Attribute.CLASS: ObjectClass.SECRET_KEY,
            Attribute.KEY_TYPE: KeyType.GENERIC_SECRET,
            Attribute.LABEL: name,
            Attribute.VALUE: value,
            Attribute.SIGN: True,
            Attribute.TOKEN: True,
            Attribute.PRIVATE: True,
            Attribute.SENSITIVE: True,
            Attribute.EXTRACTABLE: False,
            **dict(kept),
        }
    )


def test_a_seal_is_made_and_known(token):
    root = InToken(token, "h1")
    assert root.mac(b"label", b"message") == root.mac(b"label", b"message")
    assert len({root.mac(b"label", b"message"), root.mac(b"label", b"other"), root.mac(b"other", b"message")}) == 3


def test_no_key_can_be_copied_out(token, soft_token):
    token.make_signing_key("ES256")
    token.make_signing_key("RS256")
    kept = [*objects(soft_token, ObjectClass.SECRET_KEY), *objects(soft_token, ObjectClass.PRIVATE_KEY)]
    assert len(kept) == 4
    for key in kept:
        assert key[Attribute.NEVER_EXTRACTABLE]
        assert key[Attribute.ALWAYS_SENSITIVE]
        assert key[Attribute.LOCAL], "made there, and nowhere else"
        secret = Attribute.PRIVATE_EXPONENT if key[Attribute.KEY_TYPE] == KeyType.RSA else Attribute.VALUE
        with pytest.raises(pkcs11.AttributeSensitive):
            assert key[secret]


def test_what_is_derived_is_hkdf(token, soft_token):
    """RFC 5869, A.1: from the pseudorandom key on."""
    pseudorandom = bytes.fromhex("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5")
    imported(soft_token, "regain-derive-rfc", pseudorandom)
    okm = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    info = bytes.fromhex("f0f1f2f3f4f5f6f7f8f9")
    assert InToken(token, "rfc").derive(info, 42).hex() == okm


def test_what_is_derived_is_no_seal(token):
    root = InToken(token, "h1")
    assert root.derive(b"use", 32) != root.mac(b"use", b"\x01")


def test_in_memory_is_as_it_was():
    """Seals from before there were tokens still hold."""
    assert InMemory(bytes(32)).mac(b"label", b"message").hex() == (
        "bd377fb3a6aa7ac3998270e4f1f7180c5e37c59d1a62d2833d954eadb5c6cbf9"
    )


@pytest.mark.parametrize("alg", ["ES256", "EdDSA", "PS256", "RS256"])
def test_a_token_signs_as_a_key_in_memory_does(kept_in_a_token, alg):
    made = own_keys.make(alg)
    signed = jws.serialize_compact({"alg": alg}, b"hello", made.key, registry=jose.registry([alg]))
    read = own_keys.opened(alg, made.text)
    assert read.thumbprint() == made.key.thumbprint()
    public = type(read).import_key(read.as_dict(private=False))
    assert jws.deserialize_compact(signed, public, registry=jose.registry([alg])).payload == b"hello"
    assert not {"d", "p", "q", "pkcs11"} & read.as_dict(private=True).keys()
    for copied in (
        lambda: copy.copy(read.private_key),
        lambda: read.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    ):
        with pytest.raises(held.NotToBeCopied):
            copied()


def test_a_key_that_was_discarded_is_gone(kept_in_a_token, settings):
    made = own_keys.make("ES256")
    made.discard()
    assert objects(kept_in_a_token, ObjectClass.PRIVATE_KEY) == objects(kept_in_a_token, ObjectClass.PUBLIC_KEY) == []
    with pytest.raises(KeysUnfit, match="no key"):
        made.key.private_key.sign(b"", None)


def test_a_retired_key_needs_no_token(kept_in_a_token, settings):
    made = own_keys.make("ES256")
    settings.PKCS11_TOKEN = None
    assert own_keys.opened("ES256", made.text).thumbprint() == made.key.thumbprint()


@pytest.mark.parametrize("kept", [{Attribute.EXTRACTABLE: True}, {Attribute.SENSITIVE: False}])
def test_a_key_that_could_be_copied_is_not_used(token, soft_token, kept):
    imported(soft_token, "regain-seal-open", bytes(32), kept)
    with pytest.raises(KeysUnfit, match="can be copied"):
        InToken(token, "open").mac(b"label", b"message")


def test_a_missing_key_and_two_of_a_name_are_named(token, soft_token):
    with pytest.raises(KeysUnfit, match="no key regain-seal-h2"):
        InToken(token, "h2").mac(b"", b"")
    imported(soft_token, "regain-seal-h1", bytes(32))
    fresh = Token(uri.read(soft_token.uri))
    with pytest.raises(KeysUnfit, match="two keys regain-seal-h1"):
        InToken(fresh, "h1").mac(b"", b"")


def test_a_refused_pin_is_not_shown_again(soft_token, monkeypatch):
    """Tokens lock after a few."""
    shown = []
    monkeypatch.setattr(uri.TokenUri, "pin", lambda _self: shown.append(1) or "00000000")
    token = Token(uri.read(soft_token.uri))
    for _time in range(5):
        with pytest.raises(KeysUnfit, match=r"refused the PIN \(PinIncorrect\)"):
            token.mac("regain-seal-h1", b"")
    assert shown == [1]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"module": "/nowhere/libsofthsm2.so"}, "no library /nowhere/libsofthsm2.so"),
        ({"module": "/etc/hostname"}, "not a library"),
        ({"pin_source": "/nowhere/pin"}, "PIN cannot be read: No such file"),
    ],
)
def test_what_an_operator_has_to_mend_is_said(soft_token, changes, why):
    token = Token(replace(uri.read(soft_token.uri), **changes))
    with pytest.raises(KeysUnfit, match=why):
        token.mac("regain-seal-h1", b"")


def test_a_token_that_is_away_is_asked_again_and_found(impatient, soft_token):
    root = InToken(impatient, "h1")
    before = root.mac(b"label", b"message")
    with soft_token.away():
        for _time in range(3):
            with pytest.raises(KeysAway):
                root.mac(b"label", b"message")
    assert root.mac(b"label", b"message") == before


def test_while_it_is_away_not_everybody_waits_for_it(token, soft_token, monkeypatch):
    root = InToken(token, "h1")
    root.mac(b"", b"")
    with soft_token.away():
        with pytest.raises(KeysAway):
            root.mac(b"", b"")
        monkeypatch.setattr(token, "_open", lambda: pytest.fail("it was asked"))
        with pytest.raises(KeysAway, match="does not answer"):
            root.mac(b"", b"")


def test_a_session_that_the_token_ended_is_opened_again(token):
    root = InToken(token, "h1")
    before = root.mac(b"label", b"message")
    token._session.close()
    assert root.mac(b"label", b"message") == before


def test_a_process_that_was_forked_goes_on(token):
    root = InToken(token, "h1")
    before = root.mac(b"label", b"message")
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(writing, root.mac(b"label", b"message"))
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 99) == before
    assert root.mac(b"label", b"message") == before, "and so does the one it came from"


def test_threads_take_turns(token):
    root = InToken(token, "h1")
    right = {number: root.mac(b"", bytes([number])) for number in range(8)}
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda turn: (turn % 8, root.mac(b"", bytes([turn % 8]))), range(400)))
    assert all(right[number] == mac for number, mac in made)


def create(key_id):
    out = io.StringIO()
    call_command("create_root_key", key_id, stdout=out)
    return out.getvalue()


def test_the_command_makes_a_key_and_says_what_to_do(soft_token, settings):
    settings.PKCS11_TOKEN = uri.read(soft_token.uri)
    said = create("h7")
    assert "REGAIN_ROOT_KEYS=h7:pkcs11,t2:…,t1:…" in said
    assert "rotate_root_key" in said
    settings.ROOT_KEYS = (("h7", None), *settings.ROOT_KEYS)
    assert keyring.faults() == []
    assert keyring.seal("x", "a").startswith("h7.")
    with pytest.raises(CommandError, match="has a key regain-seal-h7 already; it was left as it is"):
        create("h7")


@pytest.mark.parametrize(("key_id", "why"), [("h 1", "letters and digits"), ("t1", "in the environment already")])
def test_the_command_refuses(soft_token, settings, key_id, why):
    settings.PKCS11_TOKEN = uri.read(soft_token.uri)
    with pytest.raises(CommandError, match=why):
        create(key_id)


def test_the_command_needs_a_token(settings):
    with pytest.raises(CommandError, match="PKCS11_URI is not set"):
        create("h1")


def test_without_what_speaks_to_tokens_it_is_said(settings, soft_token, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "idp.keystore.token", None)
    with pytest.raises(KeysUnfit, match=r"requirements-hsm\.txt"):
        where.token(uri.read(soft_token.uri))


def test_a_token_with_no_such_label_is_away(soft_token):
    with pytest.raises(KeysAway, match="NoSuchToken"):
        Token(replace(uri.read(soft_token.uri), label="another")).mac("regain-seal-h1", b"")


def test_only_one_thing_may_be_done_with_a_key(token, soft_token):
    for key in objects(soft_token, ObjectClass.SECRET_KEY):
        assert key[Attribute.SIGN]
        for capability in (MechanismFlag.DERIVE, MechanismFlag.WRAP, MechanismFlag.ENCRYPT, MechanismFlag.DECRYPT):
            assert not key[getattr(Attribute, capability.name)]
