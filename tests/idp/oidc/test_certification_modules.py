"""The OpenID Foundation's Basic and Form Post plans, module by module: what each demands of the provider.

Both plans are the same list; the second has its answers come as a form. Each test has the name of its module.
"""

from datetime import timedelta
from urllib.parse import parse_qsl, urlencode

import pytest
import time_machine
from django.utils import timezone

from idp.models import Grant
from idp.oidc import supported
from tests.conftest import CALLBACK, CLIENT_SECRET, make_client, make_person
from tests.idp.oidc.conftest import ISSUER, answer, answered, ask, basic
from tests.idp.oidc.test_continue import allow, parked, resume, sign_in_for

STANDARD = {
    **{name: name for name in ("family_name", "given_name", "middle_name", "nickname", "gender", "birthdate")},
    **{name: f"https://contoso.example/{name}" for name in ("profile", "picture", "website")},
    "zoneinfo": "Europe/Paris",
    "phone_number": "+33 1 23 45 67 89",
    "phone_number_verified": True,
    "address": {"formatted": "1 Main Street", "country": "FR"},
}


class Plan:
    """A browser, an application, and the way in which answers come back."""

    def __init__(self, browser, mode):
        self.browser, self.mode = browser, mode

    def authorize(self, **changes):
        return self.browser.authorize(**({"response_mode": self.mode} | changes if self.mode else changes))

    def told(self, response):
        said = answered(response) if self.mode else answer(response)
        assert said["iss"] == ISSUER
        assert set(said) <= {"code", "state", "iss", "error", "error_description"}
        assert ("code" in said) != ("error" in said)
        return said

    def code(self, **changes):
        said = self.told(self.authorize(**changes))
        assert said.get("state") == ask(**changes).get("state")
        assert len(said["code"]) >= 43, "256 bits"
        return said["code"]

    def id_token(self, **changes):
        return self.of(self.code(**changes))

    def of(self, code):
        response = self.browser.redeem(code)
        assert response.status_code == 200
        assert response["Cache-Control"] == "no-store"
        assert isinstance(response.json()["expires_in"], int)
        return self.browser.verified(response.json()["id_token"]).claims


@pytest.fixture
def person(db):
    return make_person("full", email="full@contoso.example", locale="en", groups=["Payroll"], claims=STANDARD)


@pytest.fixture(params=["", "form_post"], ids=["basic", "form_post"])
def plan(request, browser, person, payroll):
    payroll.scope = " ".join(supported.SCOPE_VALUES)
    payroll.save()
    browser.sign_in(person)
    return Plan(browser, request.param)


def test_server(plan, person):
    claims = plan.id_token()
    assert (claims["iss"], claims["aud"], claims["sub"], claims["nonce"]) == (ISSUER, "payroll", person.sub, "a nonce")


def test_response_type_missing(plan):
    assert plan.told(plan.authorize(response_type=None))["error"] == "invalid_request"


def test_ensure_request_without_nonce_succeeds_for_code_flow(plan):
    assert "nonce" not in plan.id_token(nonce=None)


@pytest.mark.parametrize("scope", [*(scope.value for scope in supported.SCOPES), "profile email phone address"])
def test_scope(plan, scope):
    tokens = plan.browser.redeem(plan.code(scope=f"openid {scope}" if scope != "openid" else scope)).json()
    asked = {claim for each in supported.SCOPES if each.value in scope.split() for claim in each.claims}
    assert set(plan.browser.userinfo(tokens["access_token"]).json()) == {"sub", *asked}
    assert not set(plan.browser.verified(tokens["id_token"]).claims) & asked - {"sub"}


def test_alternate_happy_flow(plan):
    parameters = [*reversed(ask(scope="email openid profile").items())]
    if plan.mode:
        parameters.insert(0, ("response_mode", plan.mode))
    response = plan.browser.http.get(f"/authorize?{urlencode(parameters)}", secure=True)
    assert plan.told(response)["code"]


@pytest.mark.parametrize("display", ["page", "popup", "touch", "wap", "nonsense"])
def test_display(plan, display):
    assert plan.code(display=display)


def again(plan, person, **changes):
    """What a second request, two seconds later, does after its page of sign-in."""
    page, waiting = parked(plan.authorize(**changes))
    assert page == "/sign-in"
    sign_in_for(plan.browser, waiting, person)
    return plan.of(plan.told(resume(plan.browser, waiting))["code"])


@pytest.mark.parametrize("changes", [{"prompt": "login"}, {"max_age": "1"}], ids=["prompt-login", "max-age-1"])
def test_signing_in_again(plan, person, changes):
    first = plan.id_token()
    with time_machine.travel(timezone.now() + timedelta(seconds=2)):
        second = again(plan, person, **changes)
        assert int(timezone.now().timestamp()) - second["auth_time"] < 2
    assert second["auth_time"] > first["auth_time"]
    assert second["sub"] == first["sub"]


def test_prompt_none_not_logged_in(plan):
    plan.browser.http.cookies.clear()
    said = plan.told(plan.authorize(prompt="none"))
    assert (said["error"], said["state"]) == ("login_required", "a state")


@pytest.mark.parametrize("changes", [{"prompt": "none"}, {"max_age": "10000"}], ids=["prompt-none", "max-age-10000"])
def test_not_signing_in_again(plan, changes):
    first = plan.id_token(max_age="15000")
    with time_machine.travel(timezone.now() + timedelta(seconds=5)):
        second = plan.id_token(**changes)
    assert (first["sub"], first["auth_time"]) == (second["sub"], second["auth_time"])


def test_ensure_request_with_unknown_parameter_succeeds(plan):
    assert plan.code(extra="foobar")


def test_id_token_hint(plan):
    hint = plan.browser.redeem(plan.code()).json()["id_token"]
    assert plan.code(prompt="none", id_token_hint=hint)


@pytest.mark.parametrize("hint", ["full", "somebody@else.example", "ünknown <b>", "a" * 1000])
def test_login_hint(plan, hint):
    assert plan.code(login_hint=hint)


@pytest.mark.parametrize("name", ["ui_locales", "claims_locales"])
@pytest.mark.parametrize("tags", ["se", "fr-CA fr en", "x-klingon", "*", "en;q=0.5"])
def test_locales(plan, name, tags):
    assert plan.code(**{name: tags})


@pytest.mark.parametrize("values", [" ".join(supported.ACR_VALUES), "1 2"])
def test_ensure_request_with_acr_values_succeeds(plan, values):
    assert plan.id_token(acr_values=values)["acr"] in supported.ACR_VALUES


@pytest.mark.parametrize("seconds", [0, 30])
def test_codereuse(plan, seconds):
    code = plan.code()
    token = plan.browser.redeem(code).json()["access_token"]
    with time_machine.travel(timezone.now() + timedelta(seconds=seconds)):
        second = plan.browser.redeem(code)
        assert (second.status_code, second.json()["error"]) == (400, "invalid_grant")
        assert plan.browser.userinfo(token).status_code == 401


@pytest.mark.parametrize("uri", ["https://payroll.contoso.example/other", f"{CALLBACK}?x=y", None])
def test_ensure_registered_redirect_uri(plan, uri):
    response = plan.authorize(redirect_uri=uri)
    assert response.status_code == 400
    assert "Location" not in response
    assert b"response-form" not in response.content


def test_ensure_post_request_succeeds(plan):
    parameters = ask(**({"response_mode": plan.mode} if plan.mode else {}))
    assert plan.told(plan.browser.http.post("/authorize", parameters, secure=True))["code"]
    plan.browser.http.cookies.clear()
    sent_on = plan.browser.http.post("/authorize", parameters, secure=True)
    assert dict(parse_qsl(sent_on["Location"].partition("?")[2])) == parameters, "for SameSite=Lax kept the cookies"


def test_server_client_secret_post(plan):
    make_client("by-post", token_endpoint_auth_method="client_secret_post", skip_consent=True)
    code = plan.code(client_id="by-post")
    more = {"authorization": "", "client_id": "by-post", "client_secret": CLIENT_SECRET}
    assert plan.browser.redeem(code, **more).status_code == 200


UNSUPPORTED = [
    ({"request": "eyJhbGciOiJub25lIn0.eyJyZWRpcmVjdF91cmkiOiJodHRwczovL2V2aWwuZXhhbXBsZSJ9."}, "request_not_supported"),
    ({"request_uri": "https://payroll.contoso.example/request.jwt"}, "request_uri_not_supported"),
    ({"registration": "{}"}, "registration_not_supported"),
]


@pytest.mark.parametrize(("changes", "error"), UNSUPPORTED, ids=[error for _, error in UNSUPPORTED])
def test_supported_correctly_or_rejected_as_unsupported(plan, changes, error):
    assert plan.told(plan.authorize(**changes))["error"] == error
    assert not Grant.objects.exists()


def test_claims_essential(plan):
    tokens = plan.browser.redeem(
        plan.code(scope="openid", claims='{"userinfo": {"name": {"essential": true}}}'),
    ).json()
    assert set(plan.browser.userinfo(tokens["access_token"]).json()) == {"sub", "name"}
    assert "name" not in plan.browser.verified(tokens["id_token"]).claims


def test_refresh_token(plan, person):
    make_client("client2", skip_consent=True)
    page, waiting = parked(plan.authorize(scope="openid offline_access", prompt="consent"))
    assert page == "/consent"
    allow(waiting, person, ["openid", "offline_access"])
    first = plan.browser.redeem(plan.told(resume(plan.browser, waiting))["code"]).json()
    assert plan.browser.refresh(first["refresh_token"], authorization=basic("client2")).status_code == 400
    with time_machine.travel(timezone.now() + timedelta(seconds=2)):
        second = plan.browser.refresh(first["refresh_token"]).json()
    before, after = (plan.browser.verified(each["id_token"]).claims for each in (first, second))
    assert [before[name] == after[name] for name in ("iss", "sub", "aud", "azp", "auth_time")] == [True] * 5
    assert after["iat"] > before["iat"]
