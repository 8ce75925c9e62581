"""A browser with an authenticator in software: makes passkeys, signs with them, and lies wherever a test wants it to.

Written from WebAuthn 6 and RFC 9052, with nothing of the library that the provider judges it by.
"""

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from secrets import token_bytes

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

ORIGIN = "https://id.contoso.example"
UP, UV, BE, BS, AT, ED = 1, 4, 8, 16, 64, 128
AAGUID = bytes.fromhex("00112233445566778899aabbccddeeff")
#: COSE algorithm identifiers.
ES256, EDDSA, RS256, PS256, ES384, RS1 = -7, -8, -257, -37, -35, -65535


def encoded(raw):
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(text):
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Key:
    """A key pair of one of the algorithms that are asked for."""

    def __init__(self, algorithm=ES256):
        self.algorithm = algorithm
        match algorithm:
            case -7:
                self._private = ec.generate_private_key(ec.SECP256R1())
            case -8:
                self._private = ed25519.Ed25519PrivateKey.generate()
            case -257:
                self._private = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def sign(self, message):
        match self.algorithm:
            case -7:
                return self._private.sign(message, ec.ECDSA(hashes.SHA256()))
            case -8:
                return self._private.sign(message)
        return self._private.sign(message, padding.PKCS1v15(), hashes.SHA256())

    def cose(self):
        """The public half as a map: 1 kind, 3 algorithm, then what the kind needs."""
        public = self._private.public_key()
        match self.algorithm:
            case -7:
                point = public.public_numbers()
                return {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32), -3: point.y.to_bytes(32)}
            case -8:
                return {1: 1, 3: -8, -1: 6, -2: public.public_bytes_raw()}
        numbers = public.public_numbers()
        return {1: 3, 3: -257, -1: numbers.n.to_bytes(256), -2: numbers.e.to_bytes(3)}


@dataclass
class Held:
    """A passkey on the authenticator."""

    key: Key
    user_handle: str
    id: bytes = field(default_factory=lambda: token_bytes(32))
    counter: int = 0

    @property
    def name(self):
        """Its id, as it travels."""
        return encoded(self.id)


class Authenticator:
    """Answers the options of the provider as `navigator.credentials` would, each time as JSON text.

    What is given by keyword replaces what an honest one would say.
    """

    def __init__(self, *, algorithm=ES256, counts=True, backed_up=False, origin=ORIGIN):
        self.algorithm = algorithm
        self.counts = counts
        self.flags = UP | UV | ((BE | BS) if backed_up else 0)
        self.origin = origin
        self.held: list[Held] = []

    def create(self, options, *, cose=None, fmt="none", statement=None, transports=("internal",), passkey=None, **lies):
        """`navigator.credentials.create`: makes a passkey and keeps it."""
        excluded = {each["id"] for each in options["excludeCredentials"]}
        assert not excluded & {each.name for each in self.held}, "an authenticator declines that (InvalidStateError)"
        assert self.algorithm in [each["alg"] for each in options["pubKeyCredParams"]]
        held = passkey or Held(Key(self.algorithm), options["user"]["id"])
        self.held.append(held)
        attested = lies.pop("attested", None)
        if attested is None:
            key = cbor2.dumps(held.key.cose() if cose is None else cose)
            attested = AAGUID + len(held.id).to_bytes(2) + held.id + key
        data = self._data(options["rp"]["id"], held, attested=attested, **lies)
        attestation = cbor2.dumps({"fmt": fmt, "attStmt": statement or {}, "authData": data})
        return json.dumps(
            {
                "id": lies.get("id", held.name),
                "rawId": lies.get("raw_id", held.name),
                "type": "public-key",
                "authenticatorAttachment": "platform",
                "clientExtensionResults": {},
                "response": {
                    "clientDataJSON": encoded(self._client("webauthn.create", options, lies)),
                    "attestationObject": encoded(attestation),
                    "transports": list(transports),
                },
            },
        )

    def get(self, options, *, passkey=None, key=None, **lies):
        """`navigator.credentials.get`: signs with the newest passkey that is allowed, or with the one named."""
        allowed = [each["id"] for each in options.get("allowCredentials", [])]
        held = passkey or next(each for each in reversed(self.held) if not allowed or each.name in allowed)
        client = self._client("webauthn.get", options, lies)
        data = self._data(options["rpId"], held, **lies)
        signature = (key or held.key).sign(data + hashlib.sha256(client).digest())
        return json.dumps(
            {
                "id": lies.get("id", held.name),
                "rawId": lies.get("raw_id", lies.get("id", held.name)),
                "type": "public-key",
                "authenticatorAttachment": "platform",
                "clientExtensionResults": {},
                "response": {
                    "clientDataJSON": encoded(client),
                    "authenticatorData": encoded(data),
                    "signature": encoded(lies.get("signature", signature)),
                    "userHandle": lies.get("user_handle", held.user_handle),
                },
            },
        )

    def _data(self, rp_id, held, *, attested=b"", flags=None, rp_id_hash=None, counter=None, tail=b"", **_lies):
        if self.counts:
            held.counter += 1
        said = self.flags if flags is None else flags
        count = held.counter if counter is None else counter
        return (
            (rp_id_hash or hashlib.sha256(rp_id.encode()).digest())
            + bytes([said | (AT if attested else 0)])
            + count.to_bytes(4)
            + attested
            + tail
        )

    def _client(self, kind, options, lies):
        if "client" in lies:
            return lies["client"]
        said = {
            "type": lies.get("type", kind),
            "challenge": lies.get("challenge", options["challenge"]),
            "origin": lies.get("origin", self.origin),
            "crossOrigin": False,
            **lies.get("client_more", {}),
        }
        return json.dumps(said).encode()


def ask(person, *, purpose="sign-in", path="/sign-in/passkey/options"):
    """What the script of the page that `person` looks at asks the provider for; the answer, whatever it is."""
    token = person.page.parsed.fields["csrfmiddlewaretoken"][0]
    return person.post(path, {"csrfmiddlewaretoken": token, "purpose": purpose})


def options(person, **what):
    """The options that the script gets."""
    response = ask(person, **what)
    assert response.status_code == 200, response.content
    return response.json()
