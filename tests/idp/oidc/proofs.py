"""What a client's key can make: proofs of possession and assertions, good ones and every kind of bad one."""

import json
from base64 import urlsafe_b64encode
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any

from django.utils import timezone
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

_KEYS: dict[str, Any] = {}


def key_for(alg, which=0):
    """A private key for `alg`; the same one in every test."""
    family = {"RS256": "RSA", "PS256": "RSA", "RS512": "RSA", "Ed25519": "EdDSA"}.get(alg, alg)
    make = {
        "ES256": lambda: ECKey.generate_key("P-256"),
        "ES384": lambda: ECKey.generate_key("P-384"),
        "EdDSA": lambda: OKPKey.generate_key("Ed25519"),
        "RSA": lambda: RSAKey.generate_key(2048),
    }[family]
    if (family, which) not in _KEYS:
        _KEYS[family, which] = make()
    return _KEYS[family, which]


def public(key, **more):
    return {**key.as_dict(private=False), **more}


def sign(header, claims, key):
    """A compact JWS over exactly this header and these claims, by a library that would refuse some of them."""
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    signing_input = f"{encoded(header)}.{encoded(payload)}".encode()
    signature = jws.JWSRegistry.algorithms[header["alg"]].sign(signing_input, key)
    return f"{signing_input.decode()}.{encoded(signature)}"


def encoded(part):
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def ath(token):
    return encoded(sha256(token.encode()).digest())


def without_none(members):
    return {name: value for name, value in members.items() if value is not None}


def proof(
    key=None, *, alg="ES256", method="POST", url="https://id.contoso.example/token", token=None, header=None, **claims
):
    """A DPoP proof; a header member or claim given as None is left out."""
    key = key or key_for(alg)
    head = without_none({"typ": "dpop+jwt", "alg": alg, "jwk": public(key)} | (header or {}))
    body = without_none(
        {
            "jti": token_urlsafe(12),
            "htm": method,
            "htu": url,
            "iat": int(timezone.now().timestamp()),
            "ath": ath(token) if token else None,
        }
        | claims,
    )
    return sign(head, body, key)
