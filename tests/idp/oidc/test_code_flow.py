"""The whole way of a code, when nobody has to be asked."""

from datetime import timedelta
from hashlib import sha256

from django.utils import timezone

from idp.models import AccessToken, Grant, Interaction, User
from tests.conftest import CALLBACK
from tests.idp.oidc.conftest import ISSUER, answer


def test_somebody_signed_in_is_answered_at_once(signed_in):
    response = signed_in.authorize()
    assert response["Location"].startswith(CALLBACK + "?")
    said = answer(response)
    assert set(said) == {"code", "state", "iss"}
    assert said["state"] == "a state"
    assert said["iss"] == ISSUER
    assert len(said["code"].partition(".")[0]) == 43, "256 bits of chance, and what binds them to their row"
    assert not Interaction.objects.exists()


def test_a_code_becomes_tokens_that_say_who_signed_in(signed_in, jane):
    tokens = signed_in.tokens()
    assert set(tokens) == {"access_token", "token_type", "expires_in", "scope", "id_token"}
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 600)
    decoded = signed_in.verified(tokens["id_token"])
    claims, sign_in = decoded.claims, jane.sign_ins.get()
    assert decoded.header["typ"] == "JWT"
    assert claims["iss"] == ISSUER
    assert claims["sub"] == jane.sub
    assert claims["aud"] == claims["azp"] == "payroll"
    assert claims["nonce"] == "a nonce"
    assert claims["amr"] == ["pwd"]
    assert claims["sid"] == sign_in.id.hex
    assert claims["auth_time"] == int(sign_in.authenticated_at.timestamp())
    assert not set(claims) & {"name", "email", "preferred_username", "locale"}


def test_only_hashes_of_code_and_token_are_kept(signed_in):
    code = signed_in.code()
    token = signed_in.redeem(code).json()["access_token"]
    grant = Grant.objects.get()
    assert grant.code_hash == sha256(code.encode()).hexdigest()
    assert AccessToken.objects.get().token_hash == sha256(token.encode()).hexdigest()


def test_userinfo_tells_what_the_scopes_allow(signed_in, jane):
    token = signed_in.tokens()["access_token"]
    response = signed_in.userinfo(token)
    assert response.json() == {
        "sub": jane.sub,
        "name": "Jane Doe",
        "preferred_username": "jane",
        "email": "jane@contoso.example",
        "email_verified": True,
        "updated_at": int(jane.updated_at.timestamp()),
    }
    assert response["Cache-Control"] == "no-store"
    only = signed_in.tokens(scope="openid")["access_token"]
    assert signed_in.userinfo(only).json() == {"sub": jane.sub}


def test_a_suspended_person_is_told_of_nowhere(signed_in, jane):
    token, code = signed_in.tokens()["access_token"], signed_in.code()
    User.objects.filter(pk=jane.pk).update(status=User.Status.SUSPENDED)
    assert signed_in.userinfo(token).status_code == 401
    assert signed_in.redeem(code).json()["error"] == "invalid_grant"


def test_a_code_is_good_for_a_minute(signed_in):
    code = signed_in.code()
    Grant.objects.update(code_expires_at=timezone.now() - timedelta(seconds=1))
    assert signed_in.redeem(code).json()["error"] == "invalid_grant"


def test_token_answers_are_not_kept_by_anybody(signed_in):
    response = signed_in.redeem(signed_in.code())
    assert response["Cache-Control"] == "no-store"
    assert response["Content-Type"] == "application/json"
