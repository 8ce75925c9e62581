"""What a browser's answer proves, and that nothing else is believed: the library's edge, without a database."""

import json

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from idp.factors.passkey import wire
from tests.authenticator import (
    BE,
    BS,
    ED,
    EDDSA,
    ES256,
    ES384,
    ORIGIN,
    PS256,
    RS1,
    RS256,
    UP,
    UV,
    Authenticator,
    Held,
    Key,
    decoded,
    encoded,
)

CHALLENGE = encoded(b"c" * 32)
HANDLE = encoded(b"u" * 32)
ALGORITHMS = pytest.mark.parametrize("algorithm", [ES256, EDDSA, RS256])


def creation(**changes):
    options = wire.creation_options(
        CHALLENGE, user_handle=HANDLE, name="jane@contoso.example", display_name="Jane Doe", others=()
    )
    return options | changes


def request(**changes):
    return wire.request_options(CHALLENGE) | changes


def made(authenticator, **lies):
    """The passkey that this answer makes, or None."""
    answer = wire.read(authenticator.create(creation(), **lies))
    return answer and wire.registered(answer, user_handle=HANDLE)


def shown(authenticator, passkey, **lies):
    answer = wire.read(authenticator.get(request(), **lies))
    return answer and wire.asserted(answer, passkey)


# --- What is asked for ------------------------------------------------------------------------------------


def test_a_new_passkey_is_asked_to_be_discoverable_verified_and_unattested():
    options = creation()
    assert options["rp"] == {"name": "Contoso", "id": "id.contoso.example"}
    assert options["user"] == {"id": HANDLE, "name": "jane@contoso.example", "displayName": "Jane Doe"}
    assert options["challenge"] == CHALLENGE
    assert [each["alg"] for each in options["pubKeyCredParams"]] == [ES256, EDDSA, RS256]
    assert options["authenticatorSelection"] == {
        "residentKey": "required",
        "requireResidentKey": True,
        "userVerification": "required",
    }
    assert options["attestation"] == "none"
    assert options["timeout"] == 300_000


def test_a_sign_in_names_no_passkey_and_asks_for_verification():
    assert wire.request_options(CHALLENGE) == {
        "challenge": CHALLENGE,
        "timeout": 300_000,
        "rpId": "id.contoso.example",
        "allowCredentials": [],
        "userVerification": "required",
    }


def test_those_there_are_already_are_named_with_how_they_are_reached():
    passkey = made(Authenticator(), transports=["usb", "nfc", "telepathy", 7]).passkey
    descriptor = {"id": passkey.credential_id, "type": "public-key", "transports": ["nfc", "usb"]}
    assert wire.request_options(CHALLENGE, allowed=[passkey])["allowCredentials"] == [descriptor]
    options = wire.creation_options(CHALLENGE, user_handle=HANDLE, name="j", display_name="J", others=[passkey])
    assert options["excludeCredentials"] == [descriptor]


@pytest.mark.parametrize(
    ("issuer", "rp_id", "origin"),
    [
        ("https://id.example.org", "id.example.org", "https://id.example.org"),
        ("https://id.example.org:443", "id.example.org", "https://id.example.org"),
        ("https://ID.example.org:8443", "id.example.org", "https://id.example.org:8443"),
        ("http://localhost:8000", "localhost", "http://localhost:8000"),
    ],
)
def test_the_relying_party_is_the_issuers_host_and_the_origin_the_issuer(settings, issuer, rp_id, origin):
    settings.ISSUER = issuer
    authenticator = Authenticator(origin=origin)
    assert creation()["rp"]["id"] == rp_id
    assert made(authenticator)


# --- What is believed -------------------------------------------------------------------------------------


@ALGORITHMS
def test_a_passkey_of_each_algorithm_is_made_and_shown(algorithm):
    authenticator = Authenticator(algorithm=algorithm)
    registered = made(authenticator)
    assert registered.counter == 1
    assert registered.passkey.algorithm == algorithm
    assert registered.passkey.aaguid == "00112233-4455-6677-8899-aabbccddeeff"
    assert wire.read_material(registered.passkey.material) == registered.passkey
    assert shown(authenticator, registered.passkey) == wire.Asserted(counter=2, named_account=True)
    assert shown(authenticator, registered.passkey, user_handle=None) == wire.Asserted(counter=3, named_account=False)


@pytest.mark.parametrize("backed_up", [False, True])
def test_whether_it_may_be_copied_is_kept_and_has_to_stay_so(backed_up):
    authenticator = Authenticator(backed_up=backed_up)
    passkey = made(authenticator).passkey
    assert passkey.backup_eligible is backed_up
    assert shown(authenticator, passkey)
    assert not shown(authenticator, passkey, flags=UP | UV | (0 if backed_up else BE))


def test_one_that_may_be_copied_need_not_be_yet():
    authenticator = Authenticator(backed_up=True)
    passkey = made(authenticator, flags=UP | UV | BE).passkey
    assert passkey.backup_eligible
    assert shown(authenticator, passkey, flags=UP | UV | BE | BS)


LIES = {
    "another origin": {"origin": "https://evil.example"},
    "a subdomain": {"origin": "https://x.id.contoso.example"},
    "the parent": {"origin": "https://contoso.example"},
    "without tls": {"origin": "http://id.contoso.example"},
    "another port": {"origin": f"{ORIGIN}:8443"},
    "a slash": {"origin": f"{ORIGIN}/"},
    "no origin": {"origin": None},
    "origins": {"origin": [ORIGIN]},
    "another rp": {"rp_id_hash": b"\x00" * 32},
    "not verified": {"flags": UP},
    "not present": {"flags": UV},
    "neither": {"flags": 0},
    "backed up without being able to": {"flags": UP | UV | BS},
    "another challenge": {"challenge": encoded(b"d" * 32)},
    "in a frame": {"client_more": {"crossOrigin": True}},
    "in a frame of": {"client_more": {"topOrigin": "https://evil.example"}},
    "not a boolean": {"client_more": {"crossOrigin": "false"}},
    "leftovers": {"tail": b"\x00"},
    "extensions that are none": {"flags": UP | UV | ED, "tail": b"\xff"},
    "no client data": {"client": b""},
    "client data that is a list": {"client": b"[]"},
    "client data that is not text": {"client": b"\xff\xfe\xfd"},
    "another type of ceremony": {"type": "payment.get"},
    "two ids": {"raw_id": encoded(b"r" * 32)},
    "a short id": {"id": encoded(b"r" * 15), "raw_id": encoded(b"r" * 15)},
    "an endless id": {"id": encoded(b"r" * 1024), "raw_id": encoded(b"r" * 1024)},
    "an id in another spelling": {"id": encoded(b"r" * 32) + "=", "raw_id": encoded(b"r" * 32) + "="},
}


@pytest.mark.parametrize("lie", LIES)
def test_an_assertion_with_one_thing_wrong_is_none(lie):
    authenticator = Authenticator()
    passkey = made(authenticator).passkey
    assert shown(authenticator, passkey)
    # The signature is right: what is judged is what was signed.
    answer = wire.read(authenticator.get(request(), **LIES[lie]))
    if lie == "another challenge":
        assert answer.challenge != CHALLENGE, "challenges.answer says that nobody gave it"
    else:
        assert answer is None or wire.asserted(answer, passkey) is None


@pytest.mark.parametrize("lie", [lie for lie in LIES if lie != "another challenge"])
def test_a_registration_with_one_thing_wrong_is_none(lie):
    assert made(Authenticator())
    assert not made(Authenticator(), **LIES[lie])


def test_an_assertion_is_no_registration_and_a_registration_no_assertion():
    authenticator = Authenticator()
    passkey = made(authenticator).passkey
    assert not shown(authenticator, passkey, type="webauthn.create")
    assert not made(Authenticator(), type="webauthn.get")
    assertion = wire.read(authenticator.get(request()))
    assert wire.registered(assertion, user_handle=HANDLE) is None
    registration = wire.read(Authenticator().create(creation()))
    assert wire.asserted(registration, passkey) is None


def test_a_signature_of_another_key_is_none():
    authenticator = Authenticator()
    passkey = made(authenticator).passkey
    assert not shown(authenticator, passkey, key=Key())
    assert not shown(authenticator, passkey, signature=b"")
    assert not shown(authenticator, passkey, signature=bytes(70))


def test_another_id_or_another_account_is_none():
    authenticator = Authenticator()
    passkey = made(authenticator).passkey
    assert not shown(authenticator, passkey, id=encoded(b"r" * 32))
    for handle in (encoded(b"v" * 32), "", HANDLE + "=", 7, [HANDLE]):
        assert not shown(authenticator, passkey, user_handle=handle)


# --- Keys that are not what they say ----------------------------------------------------------------------


def _ec(curve, number, algorithm):
    point = ec.generate_private_key(curve).public_key().public_numbers()
    size = (curve.key_size + 7) // 8
    return {1: 2, 3: algorithm, -1: number, -2: point.x.to_bytes(size), -3: point.y.to_bytes(size)}


def _rsa(bits, algorithm):
    numbers = rsa.generate_private_key(public_exponent=65537, key_size=bits).public_key().public_numbers()
    return {1: 3, 3: algorithm, -1: numbers.n.to_bytes(bits // 8), -2: b"\x01\x00\x01"}


KEYS = {
    "EC key said to be RSA": lambda: Key().cose() | {3: RS256},
    "EC key said to be Ed25519": lambda: Key().cose() | {3: EDDSA},
    "Ed25519 key said to be EC": lambda: Key(EDDSA).cose() | {3: ES256},
    "RSA key said to be EC": lambda: Key(RS256).cose() | {3: ES256},
    "P-384": lambda: _ec(ec.SECP384R1(), 2, ES384),
    "P-384 said to be ES256": lambda: _ec(ec.SECP384R1(), 2, ES256),
    "PSS": lambda: _rsa(2048, PS256),
    "SHA-1": lambda: _rsa(2048, RS1),
    "a short RSA key": lambda: _rsa(1024, RS256),
    "an RSA modulus of a book's length": lambda: {1: 3, 3: RS256, -1: b"\xff" * 20_000, -2: b"\x01\x00\x01"},
    "a shared secret": lambda: {1: 4, 3: 5, -1: b"k" * 32},
    "no algorithm": lambda: {1: 2, 3: 0, -1: 1, -2: b"x" * 32, -3: b"y" * 32},
    "a point that is not on the curve": lambda: {1: 2, 3: ES256, -1: 1, -2: b"x" * 32, -3: b"y" * 32},
    "no coordinates": lambda: {1: 2, 3: ES256, -1: 1},
    "the old uncompressed form": lambda: 4,
    "text": lambda: "a key",
}


@pytest.mark.parametrize("kind", KEYS)
def test_a_key_that_is_not_what_it_says_makes_no_passkey(kind):
    assert not made(Authenticator(), cose=KEYS[kind]())


@pytest.mark.parametrize(("of", "signed"), [(ES256, EDDSA), (EDDSA, ES256), (RS256, ES256), (ES256, RS256)])
def test_an_algorithm_is_the_keys_and_not_the_answers(of, signed):
    authenticator = Authenticator(algorithm=of)
    passkey = made(authenticator).passkey
    assert not shown(authenticator, passkey, key=Key(signed))


def test_a_passkey_is_the_one_that_was_attested():
    """The id outside and the one that was signed have to be the same, or one could be registered for another."""
    someone_elses = Held(Key(), HANDLE)
    mine = Held(Key(), HANDLE)
    assert not made(Authenticator(), passkey=mine, id=someone_elses.name, raw_id=someone_elses.name)


# --- Attestation ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fmt", "statement"),
    [
        ("packed", {"alg": -7, "sig": b"not a signature"}),
        ("packed", {"alg": -7, "sig": b"x", "x5c": [b"not a certificate"]}),
        ("fido-u2f", {"sig": b"x", "x5c": [b"x"]}),
        ("tpm", {"ver": "2.0", "certInfo": b"x", "pubArea": b"x", "sig": b"x", "alg": -65535, "x5c": [b"x"]}),
        ("android-key", {"alg": -7, "sig": b"x", "x5c": []}),
        ("android-safetynet", {"ver": "1", "response": b"a.b.c"}),
        ("apple", {"x5c": [b"x"]}),
        ("none", {"sig": b"x"}),
        ("of next year", {"any": ["thing", {}]}),
        (7, {}),
    ],
)
def test_what_an_authenticator_says_of_its_make_is_not_looked_at(fmt, statement):
    assert made(Authenticator(), fmt=fmt, statement=statement)


# --- Garbage ----------------------------------------------------------------------------------------------

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4))
_AUTHENTICATOR = Authenticator()
_HONEST = {
    "create": json.loads(_AUTHENTICATOR.create(creation())),
    "get": json.loads(_AUTHENTICATOR.get(request())),
}
_PASSKEY = wire.registered(wire.read(json.dumps(_HONEST["create"])), user_handle=HANDLE).passkey


def judged(text):
    """Whatever comes of it: nothing is raised."""
    answer = wire.read(text)
    if answer is None:
        return None
    return wire.registered(answer, user_handle=HANDLE) or wire.asserted(answer, _PASSKEY)


@given(st.text() | JSON.map(json.dumps))
def test_any_text_is_read_without_a_word(text):
    assert judged(text) is None


PATHS = [
    *[("get", name) for name in ("id", "rawId", "type", "response")],
    *[("get", f"response.{name}") for name in ("clientDataJSON", "authenticatorData", "signature", "userHandle")],
    *[("create", name) for name in ("id", "rawId", "type", "response")],
    *[("create", f"response.{name}") for name in ("clientDataJSON", "attestationObject")],
]


def with_one_thing_changed(which, path, value):
    changed = json.loads(json.dumps(_HONEST[which]))
    *parents, last = path.split(".")
    place = changed
    for parent in parents:
        place = place[parent]
    place[last] = value
    return changed


@given(st.sampled_from(PATHS), JSON)
def test_any_value_in_any_place_is_read_without_a_word(where, value):
    changed = with_one_thing_changed(*where, value)
    if changed != _HONEST[where[0]] and where != ("get", "response.userHandle"):
        assert judged(json.dumps(changed)) is None


@given(st.sampled_from([path for path in PATHS if "response." in path[1]]), st.binary(max_size=300))
def test_any_bytes_in_any_place_are_read_without_a_word(where, value):
    assert judged(json.dumps(with_one_thing_changed(*where, encoded(value)))) is None


@given(st.sampled_from(["authenticatorData", "attestationObject", "clientDataJSON", "signature"]), st.data())
def test_a_truncated_answer_is_none(name, data):
    which = "create" if name == "attestationObject" else "get"
    whole = decoded(_HONEST[which]["response"][name])
    cut = data.draw(st.integers(0, len(whole) - 1))
    changed = with_one_thing_changed(which, f"response.{name}", encoded(whole[:cut]))
    assert judged(json.dumps(changed)) is None


@given(st.sampled_from(["authenticatorData", "clientDataJSON"]), st.data())
def test_one_flipped_bit_is_none(name, data):
    whole = bytearray(decoded(_HONEST["get"]["response"][name]))
    place = data.draw(st.integers(0, len(whole) * 8 - 1))
    whole[place // 8] ^= 1 << place % 8
    answer = wire.read(json.dumps(with_one_thing_changed("get", f"response.{name}", encoded(bytes(whole)))))
    assert answer is None or wire.asserted(answer, _PASSKEY) is None


@pytest.mark.parametrize(
    "cbor",
    [
        b"\x81" * 60_000,  # lists in lists
        b"\xa1\x01" * 30_000,
        b"\x9f" * 60_000,  # lists without an end
        b"\x5b" + b"\xff" * 8,  # a string of 2^64 bytes
        b"\x9b" + b"\xff" * 8,
        b"\xc2\x5a\x00\x00\xff\xff" + b"\xff" * 0xFFFF,  # a number of half a million bits
        b"\xd8\x1d\x00",  # a reference to something shared
        b"\xd8\x23\x64(a+)",  # a regular expression
        b"\xd8\x25\x40",
        cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": [b"x"] * 37}),
    ],
)
def test_cbor_that_is_made_to_hurt_is_none(cbor):
    changed = with_one_thing_changed("create", "response.attestationObject", encoded(cbor))
    assert judged(json.dumps(changed)) is None
    assert not made(Authenticator(), attested=bytes(16) + b"\x00\x20" + bytes(32) + cbor)


def test_json_that_is_made_to_hurt_is_none():
    for text in ("[" * 30_000, '{"a":' * 10_000, "9" * 60_000, '"\\ud800"', '{"response": {"clientDataJSON": "W10"}}'):
        assert judged(text) is None
