"""What Authlib does by itself, and that it does not do it here. An upgrade shows what moved.

The first half pins pitfalls of the very version that requirements.txt names: where one of these fails, Authlib has
changed and the override beside it may go. The second half pins the overrides.
"""

import logging
from importlib.metadata import version

import pytest
from authlib.oauth2.rfc6749 import grants as authlib_grants
from authlib.oauth2.rfc6749.errors import InsecureTransportError, InvalidRequestError
from authlib.oauth2.rfc6749.hooks import Hookable
from authlib.oauth2.rfc6749.requests import OAuth2Request
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7636 import CodeChallenge
from django.test import RequestFactory

from idp.models import AccessToken
from idp.oidc import client_auth, flows, server
from tests.conftest import CALLBACK
from tests.idp.oidc.conftest import answer, basic

# --- What it does by itself --------------------------------------------------------------------------------------


def test_the_version_is_the_one_these_tests_know():
    assert version("authlib") == "1.9.9"


def test_its_access_tokens_live_for_ten_days():
    assert BearerTokenGenerator.GRANT_TYPES_EXPIRES_IN["authorization_code"] == 10 * 24 * 3600


def test_its_pkce_is_plain_unless_told():
    assert CodeChallenge.DEFAULT_CODE_CHALLENGE_METHOD == "plain"
    assert "plain" in CodeChallenge.SUPPORTED_CODE_CHALLENGE_METHOD


def test_its_refresh_tokens_do_not_rotate():
    assert authlib_grants.RefreshTokenGrant.INCLUDE_NEW_REFRESH_TOKEN is False


def test_its_descriptions_may_raise():
    with pytest.raises(ValueError, match="forbidden characters"):
        InvalidRequestError('response_type "x" is wrong')


def test_its_requests_may_raise():
    with pytest.raises(InsecureTransportError):
        OAuth2Request("POST", "http://id.contoso.example/token")


def test_its_hooks_have_no_order():
    hooks = Hookable()
    hooks.register_hook("x", print)
    assert isinstance(hooks._hooks["x"], set), "so each event of ours has one hook at most"


def test_its_logs_would_hold_tokens(caplog):
    """The line that `server` filters is still there."""
    import inspect

    written = (
        authlib_grants.AuthorizationCodeGrant,
        authlib_grants.ClientCredentialsGrant,
        authlib_grants.RefreshTokenGrant,
    )
    for grant in written:
        source = inspect.getsource(inspect.getmodule(grant))
        assert 'log.debug("Issue token %r to %r", token, ' in source


# --- And not here ------------------------------------------------------------------------------------------------


def test_exactly_three_grants_are_registered():
    provider = flows.provider
    assert [flow for flow, _ in provider._token_grants] == [flows.CodeFlow, flows.RefreshFlow, flows.ClientFlow]
    assert [flow for flow, _ in provider._authorization_grants] == [flows.CodeFlow]
    assert not provider._endpoints
    assert not provider._extensions


def test_exactly_four_ways_to_authenticate_and_all_are_ours():
    assert flows.provider._client_auth._methods == client_auth.METHODS


def test_pkce_is_s256_and_nothing_else():
    assert list(flows.S256.CODE_CHALLENGE_METHODS) == flows.S256.SUPPORTED_CODE_CHALLENGE_METHOD == ["S256"]
    assert flows.S256.DEFAULT_CODE_CHALLENGE_METHOD == "S256"


def test_no_event_has_two_hooks():
    for flow, extensions in flows.provider._token_grants:
        grant = flow(server.TokenRequest(RequestFactory().post("/token")), flows.provider)
        for extension in extensions or ():
            extension(grant)
        assert all(len(hooks) == 1 for hooks in grant._hooks.values()), grant._hooks


def test_parameters_are_the_bodys(rf):
    request = server.TokenRequest(rf.post("/token?grant_type=a", {"client_id": "x"}))
    assert request.payload.grant_type is None
    assert request.payload.data == {"client_id": "x"}


def test_plain_http_and_a_strange_host_raise_nothing(signed_in):
    response = signed_in.http.post(
        "/token",
        {"grant_type": "authorization_code"},
        headers={"authorization": basic(), "host": "localhost"},
    )
    assert response.status_code == 400


def test_quotes_and_letters_of_the_world_are_never_a_500(signed_in):
    for changes in ({"response_type": 'x"é\\'}, {"prompt": 'x"é'}, {"scope": '"'}, {"code_challenge_method": '"'}):
        assert answer(signed_in.authorize(**changes))["error"]
    assert signed_in.authorize(redirect_uri=CALLBACK + '"é').status_code == 400
    assert signed_in.token(grant_type='"é\\').status_code == 400


def test_iss_is_on_answers_of_every_kind(signed_in):
    assert "iss" in answer(signed_in.authorize())
    assert "iss" in answer(signed_in.authorize(scope="profile"))
    assert "iss" in answer(signed_in.authorize(prompt="none", max_age="0"))


def test_access_tokens_live_for_ten_minutes_and_are_kept_as_hashes(signed_in):
    tokens = signed_in.tokens()
    assert tokens["expires_in"] == 600
    assert AccessToken.objects.get().token_hash != tokens["access_token"]


def test_nothing_is_written_at_debug_level():
    for module in ("authorization_code", "client_credentials", "refresh_token"):
        logger = logging.getLogger(f"authlib.oauth2.rfc6749.grants.{module}")
        entry = logger.makeRecord(logger.name, logging.DEBUG, "", 0, "Issue token %r", ("secret",), None)
        assert not logger.filter(entry)


def test_errors_keep_to_no_store(signed_in):
    for response in (signed_in.token(grant_type="x"), signed_in.redeem("x"), signed_in.userinfo("x")):
        assert response["Cache-Control"] == "no-store"
