"""Signing keys that a token keeps: applications see no difference, and whoever copies the database has no key."""

import json
from base64 import urlsafe_b64decode
from datetime import timedelta

import pytest
import time_machine
from django.core.management import call_command
from django.utils import timezone
from joserfc import jwt
from joserfc.jwk import KeySet

from idp import keyring
from idp.models import AuditEntry, SigningKey
from idp.oidc import jose, keys, supported


@pytest.mark.parametrize("alg", supported.SIGNING_ALGORITHMS)
def test_applications_see_no_difference(kept_in_a_token, signed_in, payroll, alg):
    payroll.id_token_signed_response_alg = alg
    payroll.save()
    id_token = signed_in.tokens()["id_token"]
    published = json.loads(signed_in.http.get("/jwks", secure=True).content)
    assert (
        jwt.decode(id_token, KeySet.import_key_set(published), registry=jose.registry([alg])).claims["aud"] == "payroll"
    )
    (row,) = SigningKey.objects.filter(alg=alg)
    assert keys.SEALED.is_genuine(row)
    assert row.kid in [key["kid"] for key in published["keys"]]


def test_no_row_has_a_private_key(kept_in_a_token, signed_in):
    signed_in.tokens()
    row = SigningKey.objects.get()
    text = json.loads(keyring.decrypt("signing-key", row.private_ciphertext, row.kid, row.alg))
    assert set(text) == {"kty", "crv", "x", "y", "pkcs11"}


def test_rotation_moves_signing_into_the_token(signed_in, jane, request):
    """Keys from before stay published; the next one is made where the newest root key is."""
    before = signed_in.tokens()["id_token"]
    request.getfixturevalue("kept_in_a_token")
    with time_machine.travel(timezone.now(), tick=False) as clock:
        call_command("rotate_signing_key", verbosity=0)
        clock.shift(keys.PUBLISHED_BEFORE_USE + timedelta(seconds=1))
        call_command("rotate_signing_key", verbosity=0)
        keys.forget()
        signed_in.sign_in(jane)
        after = signed_in.tokens()["id_token"]
        for token in (before, after):
            assert signed_in.verified(token).claims["sub"] == jane.sub
    in_use = SigningKey.objects.get(state="active")
    assert in_use.kid == json.loads(urlsafe_b64decode(after.split(".")[0] + "=="))["kid"]
    assert "pkcs11" in keyring.decrypt("signing-key", in_use.private_ciphertext, in_use.kid, in_use.alg)
    assert AuditEntry.objects.filter(name="idp.signing_key.rotated").count() >= 3


def test_a_row_that_names_another_key_is_not_used(kept_in_a_token, signed_in):
    """Somebody who can write to the database has two keys of the token change places."""
    signed_in.tokens()
    call_command("rotate_signing_key", verbosity=0)
    one, other = SigningKey.objects.order_by("created_at")
    SigningKey.objects.filter(pk=one.pk).update(private_ciphertext=other.private_ciphertext)
    keys.forget()
    with pytest.raises(keyring.Tampered):
        keys.current()


def test_without_the_token_nothing_is_signed_and_what_is_published_stays(kept_in_a_token, signed_in):
    code, published = signed_in.code(), signed_in.http.get("/jwks", secure=True).content
    keyring.token_for_signing()._breaker._pause = 0.0
    with kept_in_a_token.away():
        assert signed_in.redeem(code).status_code == 503
        assert signed_in.http.get("/jwks", secure=True).content == published
