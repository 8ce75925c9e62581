"""The token endpoint: who may ask, for what, and how often."""

import logging
from base64 import b64encode

import pytest
from django.utils import timezone

from idp.models import AccessToken, AuditEntry, Grant
from tests.conftest import CALLBACK, CLIENT_SECRET, make_client
from tests.idp.oidc.conftest import VERIFIER, basic

EXCHANGE = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
IN_BODY = {"client_id": "payroll", "client_secret": CLIENT_SECRET}


def raw_basic(text):
    return "Basic " + b64encode(text.encode()).decode()


#: (how the client is registered, Authorization header, more of the body, status, error)
AUTHENTICATION = [
    ("client_secret_basic", basic(), {}, 200, ""),
    ("client_secret_basic", basic().replace("Basic", "bAsIc"), {}, 200, ""),
    ("client_secret_basic", basic(), {"client_id": "payroll"}, 200, ""),
    ("client_secret_basic", basic(secret="wrong"), {}, 401, "invalid_client"),
    ("client_secret_basic", basic(client_id="nobody"), {}, 401, "invalid_client"),
    ("client_secret_basic", basic(client_id="%70ayroll"), {}, 200, ""),
    ("client_secret_basic", raw_basic("payroll:"), {}, 401, "invalid_client"),
    ("client_secret_basic", raw_basic("payroll"), {}, 401, "invalid_client"),
    ("client_secret_basic", raw_basic(":secret"), {}, 401, "invalid_client"),
    ("client_secret_basic", "Basic", {}, 401, "invalid_client"),
    ("client_secret_basic", "Basic !!!", {}, 401, "invalid_client"),
    ("client_secret_basic", "Basic /w==", {}, 401, "invalid_client"),
    ("client_secret_basic", "Bearer x", {}, 401, "invalid_client"),
    ("client_secret_basic", "", {}, 401, "invalid_client"),
    ("client_secret_basic", "", IN_BODY, 401, "invalid_client"),
    ("client_secret_basic", "", {"client_id": "payroll"}, 401, "invalid_client"),
    ("client_secret_basic", basic(), IN_BODY, 400, "invalid_request"),
    ("client_secret_basic", basic(), {"client_secret": "wrong"}, 400, "invalid_request"),
    ("client_secret_basic", basic(), {"client_assertion": "x"}, 400, "invalid_request"),
    ("client_secret_basic", basic(), {"client_id": "other"}, 400, "invalid_request"),
    ("client_secret_post", "", IN_BODY, 200, ""),
    ("client_secret_post", basic(), {}, 401, "invalid_client"),
    ("client_secret_post", "", IN_BODY | {"client_secret": "wrong"}, 401, "invalid_client"),
    ("client_secret_post", "", IN_BODY | {"client_secret": ""}, 401, "invalid_client"),
    ("client_secret_post", "", {"client_id": "payroll"}, 401, "invalid_client"),
    ("none", "", {"client_id": "payroll"}, 200, ""),
    ("none", "", {"client_id": "nobody"}, 401, "invalid_client"),
    ("none", "", {}, 401, "invalid_client"),
    ("none", "", IN_BODY, 401, "invalid_client"),
    ("none", basic(), {}, 401, "invalid_client"),
]


@pytest.mark.parametrize(("method", "header", "body", "status", "error"), AUTHENTICATION)
def test_a_client_authenticates_as_it_registered(signed_in, payroll, method, header, body, status, error):
    code = signed_in.code()
    payroll.token_endpoint_auth_method = method
    if method == "none":
        payroll.client_secret_hash = ""
    payroll.save()
    response = signed_in.token(authorization=header, code=code, **EXCHANGE, **body)
    assert response.status_code == status, response.content
    assert response.json().get("error", "") == error
    if status == 401:
        assert response["WWW-Authenticate"].startswith("Basic realm=")
        assert response["Cache-Control"] == "no-store"
    if error:
        assert not AccessToken.objects.exists()
        assert not Grant.objects.get().code_redeemed_at


def test_nobody_learns_which_clients_exist(signed_in):
    known = signed_in.token(authorization=basic(secret="wrong"), code="x", **EXCHANGE)
    unknown = signed_in.token(authorization=basic(client_id="nobody", secret="wrong"), code="x", **EXCHANGE)
    assert (known.status_code, known.content, known["WWW-Authenticate"]) == (
        unknown.status_code,
        unknown.content,
        unknown["WWW-Authenticate"],
    )


def test_a_disabled_client_is_unknown(signed_in, payroll):
    code = signed_in.code()
    payroll.disabled_at = timezone.now()
    payroll.save()
    assert signed_in.redeem(code).status_code == 401


def test_a_warm_client_is_not_asked_for_again(signed_in, django_assert_num_queries):
    signed_in.token(grant_type="nonsense")
    with django_assert_num_queries(0):
        signed_in.token(grant_type="nonsense")


MALFORMED = [
    ({}, "invalid_request"),
    ({"grant_type": ""}, "invalid_request"),
    ({"grant_type": "implicit"}, "unsupported_grant_type"),
    ({"grant_type": "password", "username": "jane", "password": "x"}, "unsupported_grant_type"),
    ({"grant_type": "client_credentials"}, "unauthorized_client"),
    ({"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": "x"}, "unsupported_grant_type"),
    ({"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange"}, "unsupported_grant_type"),
    ({"grant_type": "urn:ietf:params:oauth:grant-type:device_code"}, "unsupported_grant_type"),
    ({"grant_type": 'x"y\\é'}, "unsupported_grant_type"),
    ({"grant_type": ["authorization_code", "authorization_code"], "code": "x"}, "invalid_request"),
    ({"grant_type": "authorization_code"}, "invalid_request"),
    ({"grant_type": "authorization_code", "code": ["x", "y"]}, "invalid_request"),
    ({"grant_type": "authorization_code", "code": "x"}, "invalid_grant"),
    ({"grant_type": "authorization_code", "code": "x" * 10000}, "invalid_grant"),
    ({"grant_type": "refresh_token"}, "invalid_request"),
    ({"grant_type": "refresh_token", "refresh_token": "x"}, "invalid_grant"),
    ({"grant_type": "refresh_token", "refresh_token": "a.b.c.d"}, "invalid_grant"),
    ({"grant_type": "refresh_token", "refresh_token": "AAAAAAAAAAAAAAAAAAAAAA.1.x.t2.y"}, "invalid_grant"),
    ({"grant_type": "refresh_token", "refresh_token": "é.१.x.y"}, "invalid_grant"),
]


@pytest.mark.parametrize(("body", "error"), MALFORMED, ids=[str(body)[:60] for body, _ in MALFORMED])
def test_a_malformed_request_is_said_to_be(signed_in, body, error):
    response = signed_in.token(**body)
    assert response.status_code == 400
    assert response.json()["error"] == error
    assert response["Cache-Control"] == "no-store"
    assert body.get("grant_type") in (None, "", "authorization_code", "refresh_token", "client_credentials") or (
        str(body["grant_type"]) not in response.content.decode()
    )


def test_the_query_is_not_the_body(signed_in):
    code = signed_in.code()
    response = signed_in.http.post(
        f"/token?grant_type=authorization_code&code={code}",
        {"redirect_uri": CALLBACK, "code_verifier": VERIFIER},
        headers={"authorization": basic()},
        secure=True,
    )
    assert response.json()["error"] == "invalid_request"


def test_only_post_is_answered(signed_in):
    response = signed_in.http.get("/token", secure=True)
    assert (response.status_code, response["Allow"]) == (405, "POST, OPTIONS")


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data; boundary=x", "text/plain"])
def test_only_a_form_is_read(signed_in, content_type):
    body = '{"grant_type": "authorization_code"}'
    headers = {"authorization": basic()}
    response = signed_in.http.post("/token", body, content_type=content_type, headers=headers, secure=True)
    assert response.status_code == 400
    assert response.json()["error"] == "invalid_request"


# --- PKCE -----------------------------------------------------------------------------------------------------

VERIFIERS = [
    (VERIFIER, ""),
    (None, "invalid_request"),
    ("", "invalid_request"),
    (VERIFIER[:-1], "invalid_grant"),
    (VERIFIER + "x", "invalid_grant"),
    (VERIFIER.upper(), "invalid_grant"),
    ("short", "invalid_request"),
    ("v" * 129, "invalid_request"),
    ("é" * 50, "invalid_request"),
]


@pytest.mark.parametrize(("verifier", "error"), VERIFIERS, ids=[str(each)[:20] for each, _ in VERIFIERS])
def test_whoever_redeems_must_be_who_asked(signed_in, verifier, error):
    code = signed_in.code()
    response = signed_in.redeem(code, code_verifier=verifier)
    assert response.json().get("error", "") == error
    if error:
        # One try: a wrong verifier uses the code up.
        assert signed_in.redeem(code).json()["error"] == "invalid_grant"
        assert not AccessToken.objects.exists()


def test_a_verifier_without_a_challenge_is_refused(browser, jane):
    """RFC 9700 4.8: otherwise taking the challenge out of the request would go unnoticed."""
    make_client("old", require_pkce=False, skip_consent=True)
    browser.sign_in(jane)
    without = {"client_id": "old", "code_challenge": None, "code_challenge_method": None}
    old = basic(client_id="old")
    code = browser.code(**without)
    assert browser.redeem(code, authorization=old).json()["error"] == "invalid_request"
    code = browser.code(**without)
    assert browser.redeem(code, authorization=old, code_verifier=None).status_code == 200


# --- Codes ----------------------------------------------------------------------------------------------------


def test_a_second_use_ends_the_family(signed_in):
    code = signed_in.code(scope="openid offline_access")
    tokens = signed_in.redeem(code).json()
    assert signed_in.redeem(code).json()["error"] == "invalid_grant"
    assert signed_in.userinfo(tokens["access_token"]).status_code == 401
    assert signed_in.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert Grant.objects.get().ended_by == "code_reuse"
    event = AuditEntry.objects.get(name="idp.grant.reuse_detected")
    assert (event.user, event.details["what"]) == (Grant.objects.get().user_id, "code")


def test_an_outsiders_attempt_takes_nothing_away(signed_in):
    make_client("other", redirect_uris=[CALLBACK], skip_consent=True)
    code = signed_in.code()
    assert signed_in.redeem(code, authorization=basic(client_id="other")).json()["error"] == "invalid_grant"
    tokens = signed_in.redeem(code).json()
    assert signed_in.redeem(code, authorization=basic(client_id="other")).json()["error"] == "invalid_grant"
    assert signed_in.userinfo(tokens["access_token"]).status_code == 200


@pytest.mark.parametrize("uri", [None, "", CALLBACK + "/", CALLBACK + "?", "https://evil.example/"])
def test_a_code_goes_with_the_address_it_was_sent_to(signed_in, uri):
    code = signed_in.code()
    assert signed_in.redeem(code, redirect_uri=uri).json()["error"] == "invalid_grant"


def test_signing_out_ends_codes_and_tokens(signed_in, jane):
    from idp.accounts import sessions

    token, code = signed_in.tokens()["access_token"], signed_in.code()
    sessions.end_all(jane.pk, by="person", now=timezone.now())
    assert signed_in.userinfo(token).status_code == 401
    assert signed_in.redeem(code).json()["error"] == "invalid_grant"


def test_a_client_registered_for_codes_only_cannot_refresh(signed_in, payroll):
    payroll.grant_types = ["authorization_code"]
    payroll.save()
    assert "refresh_token" not in signed_in.tokens(scope="openid offline_access")
    assert signed_in.refresh("x").json()["error"] == "unauthorized_client"


def test_no_token_reaches_a_log(signed_in, caplog):
    caplog.set_level(logging.DEBUG)
    logging.getLogger("authlib").setLevel(logging.DEBUG)
    code = signed_in.code(scope="openid offline_access")
    tokens = signed_in.redeem(code).json()
    following = signed_in.refresh(tokens["refresh_token"]).json()
    assert caplog.text
    for secret in (code, *tokens.values(), *following.values()):
        if isinstance(secret, str) and len(secret) > 40:
            assert secret not in caplog.text
