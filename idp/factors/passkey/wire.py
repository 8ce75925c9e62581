"""What goes to the browser and what comes back, as WebAuthn has it. No account, no database: bytes in, a verdict out.

An answer is a stranger's JSON with CBOR in it. Whatever is wrong with it, and whatever that makes the library raise, is
None and nothing else: no page tells which check it was.
"""

import binascii
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

import structlog
import webauthn
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from django.conf import settings
from webauthn import helpers
from webauthn.helpers.cose import COSEAlgorithmIdentifier as Algorithm
from webauthn.helpers.options_to_json_dict import options_to_json_dict
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from idp import keyring

log = structlog.get_logger(__name__)

#: What keys may be of, the one we like best first. The last is what Windows Hello makes without a newer chip.
ALGORITHMS = (Algorithm.ECDSA_SHA_256, Algorithm.EDDSA, Algorithm.RSASSA_PKCS1_v1_5_SHA_256)
#: How long a browser waits for its person, in milliseconds: as long as the challenge lives.
_TIMEOUT = 5 * 60 * 1000
#: Of a credential id, in bytes. WebAuthn 4: 16 at least, of which 100 bits are random; 1023 at most.
_SHORTEST, _LONGEST = 16, 1023
_RSA_BITS = range(2048, 4097)
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")
_TRANSPORTS = frozenset(AuthenticatorTransport)

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Passkey:
    """A passkey as its credential holds it, sealed: what every later answer is judged by. Bytes are base64url."""

    credential_id: str
    #: As the authenticator wrote it (COSE).
    public_key: str
    algorithm: int
    #: How the browser reaches it; a hint, for the browser.
    transports: tuple[str, ...]
    #: Whether it may be copied to other devices of its owner. Stays what it was (WebAuthn 6.1.3).
    backup_eligible: bool
    #: The make of the authenticator, as it says itself.
    aaguid: str
    #: What it knows its account by. Kept, for the key that it was made with may be gone one day.
    user_handle: str

    @property
    def handle(self) -> str:
        """What its row is found by."""
        return handle(self.credential_id)

    @property
    def material(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a browser sent: which challenge it says it answers, with which credential. Nothing of it is proven yet."""

    challenge: str
    credential_id: str
    raw: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Registered:
    """A passkey that was made for us, and how often it says it has signed so far."""

    passkey: Passkey
    counter: int


@dataclass(frozen=True, kw_only=True)
class Asserted:
    """What a right answer says besides."""

    counter: int
    #: Whether it named the account itself. One that was asked for by name need not.
    named_account: bool


def read_material(material: str) -> Passkey:
    """The passkey of a credential whose seal was checked."""
    kept = json.loads(material)
    return Passkey(**kept | {"transports": tuple(kept["transports"])})


def handle(credential_id: str) -> str:
    """What a passkey is looked up by."""
    return keyring.fingerprint(credential_id)


# --- To the browser ---------------------------------------------------------------------------------------


def creation_options(
    challenge: str,
    *,
    user_handle: str,
    name: str,
    display_name: str,
    others: Iterable[Passkey],
) -> dict[str, Any]:
    """What `navigator.credentials.create` is asked for. An authenticator that holds one of `others` declines."""
    options = webauthn.generate_registration_options(
        rp_id=_rp_id(),
        rp_name=settings.TENANT_NAME,
        user_id=_decoded(user_handle),
        user_name=name,
        user_display_name=display_name,
        challenge=_decoded(challenge),
        timeout=_TIMEOUT,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=_descriptors(others),
        supported_pub_key_algs=list(ALGORITHMS),
    )
    return options_to_json_dict(options)


def request_options(challenge: str, *, allowed: Iterable[Passkey] = ()) -> dict[str, Any]:
    """What `navigator.credentials.get` is asked for. With none `allowed` by name, any passkey of ours will do."""
    options = webauthn.generate_authentication_options(
        rp_id=_rp_id(),
        challenge=_decoded(challenge),
        timeout=_TIMEOUT,
        allow_credentials=_descriptors(allowed),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json_dict(options)


# --- From the browser -------------------------------------------------------------------------------------


def read(text: str) -> Answer | None:
    """The answer in `text`, as far as one can see without judging it."""
    return _judged("unreadable", _read, text)


def registered(answer: Answer, *, user_handle: str) -> Registered | None:
    """The passkey that was made for this answer's challenge, if all about it is as we asked for."""
    return _judged("not registered", _registered, answer, user_handle)


def asserted(answer: Answer, passkey: Passkey) -> Asserted | None:
    """Whether `passkey` signed this answer's challenge: here, for us, present, and having shown it is its owner's."""
    return _judged("not asserted", _asserted, answer, passkey)


def _judged(verdict: str, judge: Callable[..., T], *facts: Any) -> T | None:
    """What `judge` says, or None. It reads nothing and writes nothing: all that can go wrong in it are the bytes."""
    try:
        return judge(*facts)
    except Exception as error:  # noqa: BLE001 -- a stranger's bytes may make the library raise anything; all of it is "no"
        # The kind only: the text would repeat what was sent.
        log.info("passkey refused", verdict=verdict, error=type(error).__name__)
        return None


def _read(text: str) -> Answer:
    raw = json.loads(text)
    client_data = json.loads(_decoded(raw["response"]["clientDataJSON"]))
    _must(client_data.get("crossOrigin", False) is False and "topOrigin" not in client_data)
    _must(raw["id"] == raw["rawId"] and _SHORTEST <= len(_decoded(raw["id"])) <= _LONGEST)
    _decoded(client_data["challenge"])
    return Answer(challenge=client_data["challenge"], credential_id=raw["id"], raw=raw)


def _registered(answer: Answer, user_handle: str) -> Registered:
    verified = webauthn.verify_registration_response(
        credential=_without_attestation(answer.raw),
        expected_challenge=_decoded(answer.challenge),
        expected_rp_id=_rp_id(),
        expected_origin=_origin(),
        require_user_verification=True,
        supported_pub_key_algs=list(ALGORITHMS),
    )
    _must(verified.credential_id == _decoded(answer.credential_id))
    passkey = Passkey(
        credential_id=answer.credential_id,
        public_key=_encoded(verified.credential_public_key),
        algorithm=_sound_algorithm(verified.credential_public_key),
        transports=_transports(answer.raw["response"].get("transports")),
        backup_eligible=verified.credential_device_type is CredentialDeviceType.MULTI_DEVICE,
        aaguid=verified.aaguid,
        user_handle=user_handle,
    )
    return Registered(passkey=passkey, counter=verified.sign_count)


def _asserted(answer: Answer, passkey: Passkey) -> Asserted:
    _must(answer.credential_id == passkey.credential_id)
    named = answer.raw["response"].get("userHandle")
    _must(named is None or named == passkey.user_handle)
    verified = webauthn.verify_authentication_response(
        credential=answer.raw,
        expected_challenge=_decoded(answer.challenge),
        expected_rp_id=_rp_id(),
        expected_origin=_origin(),
        credential_public_key=_decoded(passkey.public_key),
        # The count is judged where it is kept, by one UPDATE.
        credential_current_sign_count=0,
        require_user_verification=True,
    )
    _must((verified.credential_device_type is CredentialDeviceType.MULTI_DEVICE) == passkey.backup_eligible)
    return Asserted(counter=verified.new_sign_count, named_account=named is not None)


def _without_attestation(raw: dict[str, Any]) -> dict[str, Any]:
    """The same answer saying nothing of the authenticator's make.

    We asked for none (WebAuthn 7.1 lets us then treat any as none), so no stranger's certificates are parsed.
    """
    attested = helpers.parse_cbor(_decoded(raw["response"]["attestationObject"]))
    plain = helpers.encode_cbor({"fmt": "none", "attStmt": {}, "authData": attested["authData"]})
    return raw | {"response": raw["response"] | {"attestationObject": _encoded(plain)}}


def _sound_algorithm(public_key: bytes) -> int:
    """The key's algorithm, if the key is one of that algorithm (and no weak one)."""
    decoded = helpers.decode_credential_public_key(public_key)
    match helpers.decoded_public_key_to_cryptography(decoded):
        case EllipticCurvePublicKey(curve=SECP256R1()):
            fitting = Algorithm.ECDSA_SHA_256
        case Ed25519PublicKey():
            fitting = Algorithm.EDDSA
        case RSAPublicKey(key_size=bits) if bits in _RSA_BITS:
            fitting = Algorithm.RSASSA_PKCS1_v1_5_SHA_256
        case _:
            raise ValueError("a key of another kind")
    _must(decoded.alg == fitting)
    return int(fitting)


def _transports(said: object) -> tuple[str, ...]:
    if not isinstance(said, list):
        return ()
    return tuple(sorted({transport.value for transport in _TRANSPORTS if transport.value in said}))


def _descriptors(passkeys: Iterable[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            id=_decoded(passkey.credential_id),
            transports=[AuthenticatorTransport(each) for each in passkey.transports] or None,
        )
        for passkey in passkeys
    ]


def _must(holds: bool) -> None:  # noqa: FBT001 -- reads as a sentence
    if not holds:
        raise ValueError("not as it must be")


def _rp_id() -> str:
    """Whom passkeys are made for: the issuer's host. Another host would be another relying party (WebAuthn 4)."""
    return urlsplit(settings.ISSUER).hostname or ""


def _origin() -> str:
    """The issuer as browsers write an origin (RFC 6454 6.2): in small letters, without the scheme's own port."""
    parts = urlsplit(settings.ISSUER)
    own = {"https": 443, "http": 80}.get(parts.scheme)
    port = "" if parts.port in (None, own) else f":{parts.port}"
    return f"{parts.scheme}://{parts.hostname}{port}"


def _encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    """The bytes of `text` in the one spelling that they have. Raises ValueError for any other."""
    if not _BASE64URL.fullmatch(text):
        raise ValueError("not base64url")
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise ValueError("not base64url") from error
    if _encoded(raw) != text:
        raise ValueError("not base64url")
    return raw
