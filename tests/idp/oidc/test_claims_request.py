"""Claims asked for one by one (OpenID Connect Core 5.5), and what is true of `acr`."""

import json

import pytest
from django.utils import timezone

from idp.audit.events import Origin
from idp.login import consents
from idp.models import Grant, Interaction
from idp.oidc import claims_request, supported
from tests.conftest import make_person
from tests.idp.oidc.conftest import answer
from tests.idp.oidc.test_continue import allow, parked, resume, sign_in_for

ACR = supported.ACR_VALUES[-1]

UNREADABLE = [
    "nonsense",
    "[]",
    "null",
    '"text"',
    "{",
    "{'userinfo': {}}",
    '{"userinfo": []}',
    '{"userinfo": "name"}',
    '{"id_token": 1}',
    '{"userinfo": {"name": 1}}',
    '{"userinfo": {"name": "x"}}',
    '{"userinfo": {"name": []}}',
    '{"userinfo": {"name": true}}',
    '{"userinfo": {"name": {"essential": "true"}}}',
    '{"userinfo": {"name": {"essential": null}}}',
    '{"userinfo": {"name": {"values": "x"}}}',
    '{"userinfo": {}, "userinfo": {"name": null}}',
    '{"userinfo": {"name": null, "name": {"essential": true}}}',
    '{"userinfo": {"name": {"value": NaN}}}',
    '{"userinfo": {"name": {"value": 1e999}}}',
    '{"userinfo": {"name": {"value": "\\ud800"}}}',
    '{"userinfo": {"name": {"value": "\\u0000"}}}',
    '{"userinfo": {"\\u0000": null}}',
    "[" * 2000,
    '{"a":' * 500 + "1",
]

READ = [
    ("{}", {}),
    ('{"userinfo": {}, "id_token": {}}', {}),
    ('{"userinfo": null}', {}),
    ('{"userinfo": {"name": null}}', {"userinfo": {"name": {}}}),
    ('{"userinfo": {"name": {}}}', {"userinfo": {"name": {}}}),
    ('{"userinfo": {"name": {"essential": true}}}', {"userinfo": {"name": {"essential": True}}}),
    ('{"userinfo": {"name": {"essential": false}}}', {"userinfo": {"name": {"essential": False}}}),
    ('{"userinfo": {"name": {"value": "x", "more": 1}}}', {"userinfo": {"name": {"value": "x"}}}),
    ('{"userinfo": {"locale": {"values": ["fr", 1, null]}}}', {"userinfo": {"locale": {"values": ["fr", 1, None]}}}),
    ('{"userinfo": {"http://example.info/claims/groups": null}}', {}),
    ('{"userinfo": {"name#ja-Kana-JP": null}}', {}),
    ('{"elsewhere": {"name": null}, "more": 1}', {}),
    ('{"id_token": {"auth_time": {"essential": true}}}', {"id_token": {"auth_time": {"essential": True}}}),
    (
        '{"id_token": {"email": null}, "userinfo": {"email": null}}',
        {"userinfo": {"email": {}}, "id_token": {"email": {}}},
    ),
]


@pytest.mark.parametrize("text", UNREADABLE, ids=[text[:50] for text in UNREADABLE])
def test_what_is_not_of_the_form_is_refused(signed_in, text):
    said = answer(signed_in.authorize(claims=text))
    assert said["error"] == "invalid_request"
    assert "claims" in said["error_description"]
    assert not Grant.objects.exists()


@pytest.mark.parametrize(("text", "asked"), READ, ids=[text for text, _ in READ])
def test_what_is_understood_is_kept_and_the_rest_ignored(text, asked):
    assert claims_request.read(text) == asked


@pytest.mark.parametrize("text", [text for text, _ in READ], ids=[text for text, _ in READ])
def test_what_can_be_read_is_answered_and_stored(signed_in, text):
    assert signed_in.code(claims=text)
    stored = Grant.objects.get().claims
    assert stored == (claims_request.read(text) or None)


def test_they_wait_with_the_request(browser, jane, payroll):
    asked = {"userinfo": {"name": {"essential": True}}}
    _page, waiting = parked(browser.authorize(claims=json.dumps(asked)))
    sign_in_for(browser, waiting, jane)
    assert answer(resume(browser, waiting))["code"]
    assert Grant.objects.get().claims == asked


# --- Under which conditions they are told ----------------------------------------------------------------------------


def test_a_claim_needs_the_consent_of_its_scope(browser, jane, payroll):
    payroll.skip_consent = False
    payroll.save()
    browser.sign_in(jane)
    claims = json.dumps({"userinfo": {"email": None}, "id_token": {"name": None}})
    assert answer(browser.authorize(scope="openid"))["code"]
    page, waiting = parked(browser.authorize(scope="openid", claims=claims))
    assert page == "/consent"
    shown = consents.on_screen(Interaction.objects.get(pk=waiting).parameters)
    assert {item.value for item in shown.required} == {"email", "profile"}
    allow(waiting, jane, ["openid", "email", "profile"])
    assert answer(resume(browser, waiting))["code"]
    grant = Grant.objects.latest("created_at")
    assert grant.scope == "openid", "what is told does not widen the token"
    assert grant.claims == {"userinfo": {"email": {}}, "id_token": {"name": {}}}
    assert answer(browser.authorize(scope="openid", claims=claims, prompt="none"))["code"], "and it is remembered"


def test_without_that_consent_none_may_answer_nothing(browser, jane, payroll):
    payroll.skip_consent = False
    payroll.save()
    browser.sign_in(jane)
    consents.remember(jane, payroll, ["openid", "profile"], now=timezone.now(), origin=Origin())
    claims = json.dumps({"userinfo": {"email": None}})
    said = answer(browser.authorize(scope="openid profile", claims=claims, prompt="none"))
    assert said["error"] == "consent_required"


def test_a_claim_of_a_scope_that_is_not_registered_is_left_out(signed_in, payroll):
    payroll.scope = "openid profile"
    payroll.save()
    signed_in.code(scope="openid", claims=json.dumps({"userinfo": {"email": {"essential": True}, "name": None}}))
    assert Grant.objects.get().claims == {"userinfo": {"name": {}}}


def test_what_a_client_may_no_longer_have_is_left_out_of_a_request_that_waited(browser, jane, payroll):
    payroll.skip_consent = False
    payroll.save()
    browser.sign_in(jane)
    claims = json.dumps({"userinfo": {"email": None, "name": None}})
    _page, waiting = parked(browser.authorize(scope="openid email", claims=claims))
    allow(waiting, jane, ["openid", "email", "profile"])
    payroll.scope = "openid profile"
    payroll.save()
    assert answer(resume(browser, waiting))["code"], "and nobody is asked for it over and over"
    grant = Grant.objects.get()
    assert (grant.scope, grant.claims) == ("openid", {"userinfo": {"name": {}}})


def test_the_suite_asks_for_an_essential_name(signed_in):
    tokens = signed_in.tokens(scope="openid", claims=json.dumps({"userinfo": {"name": {"essential": True}}}))
    assert signed_in.userinfo(tokens["access_token"]).json()["name"] == "Jane Doe"
    assert "name" not in signed_in.verified(tokens["id_token"]).claims


# --- sub -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", claims_request.PLACES)
@pytest.mark.parametrize("how", ["value", "values"])
def test_sub_with_a_value_is_answered_for_that_person_only(signed_in, jane, place, how):
    john = make_person("john", email="john@contoso.example")

    def asks_for(*subs):
        return json.dumps({place: {"sub": {how: subs[0] if how == "value" else list(subs)}}})

    assert answer(signed_in.authorize(claims=asks_for(jane.sub), prompt="none"))["code"]
    assert answer(signed_in.authorize(claims=asks_for(john.sub), prompt="none"))["error"] == "login_required"
    if how == "values":
        assert answer(signed_in.authorize(claims=asks_for(john.sub, jane.sub), prompt="none"))["code"]
    page, waiting = parked(signed_in.authorize(claims=asks_for(john.sub)))
    assert page == "/sign-in"
    sign_in_for(signed_in, waiting, jane)
    assert answer(resume(signed_in, waiting))["error"] == "login_required", "asking Jane again would not end"
    _page, waiting = parked(signed_in.authorize(claims=asks_for(john.sub)))
    sign_in_for(signed_in, waiting, john)
    assert answer(resume(signed_in, waiting))["code"]


@pytest.mark.parametrize("value", [1, True, "", ["x"], {"a": 1}])
def test_a_sub_that_can_be_nobodys_is_nobodys(signed_in, value):
    claims = json.dumps({"id_token": {"sub": {"value": value}}})
    assert answer(signed_in.authorize(claims=claims, prompt="none"))["error"] == "login_required"


def test_named_in_both_places_it_must_be_both(signed_in, jane):
    def both(one, other):
        return json.dumps({"userinfo": {"sub": {"values": one}}, "id_token": {"sub": {"values": other}}})

    assert answer(signed_in.authorize(claims=both([jane.sub, "x"], [jane.sub]), prompt="none"))["code"]
    for one, other in (([jane.sub], ["x"]), (["x"], [jane.sub])):
        assert answer(signed_in.authorize(claims=both(one, other), prompt="none"))["error"] == "login_required"


def test_sub_without_a_value_is_anybodys(signed_in):
    for wish in (None, {"essential": True}, {"value": None}, {"values": []}):
        assert answer(signed_in.authorize(claims=json.dumps({"id_token": {"sub": wish}})))["code"]


def test_a_hint_and_a_claim_must_name_the_same_person(signed_in, jane):
    hint = signed_in.tokens()["id_token"]
    same = json.dumps({"id_token": {"sub": {"value": jane.sub}}})
    assert answer(signed_in.authorize(id_token_hint=hint, claims=same, prompt="none"))["code"]
    other = json.dumps({"id_token": {"sub": {"value": "john"}}})
    assert answer(signed_in.authorize(id_token_hint=hint, claims=other))["error"] == "invalid_request"


# --- acr -------------------------------------------------------------------------------------------------------------

UNMET = "unmet_authentication_requirements"
ESSENTIAL = [
    ({"essential": True, "values": [ACR]}, ""),
    ({"essential": True, "value": ACR}, ""),
    ({"essential": True, "values": ["phr", ACR]}, ""),
    ({"essential": True}, ""),
    ({"values": ["phr"]}, ""),
    ({"value": "phr"}, ""),
    (None, ""),
    # Within reach for whoever adds a passkey: they are asked to.
    ({"essential": True, "values": ["phr"]}, ""),
    ({"essential": True, "value": "phrh"}, UNMET),
    ({"essential": True, "values": [1]}, UNMET),
    ({"essential": True, "value": ACR.upper()}, UNMET),
]


@pytest.mark.parametrize(("wish", "error"), ESSENTIAL, ids=[str(wish) for wish, _ in ESSENTIAL])
def test_an_essential_acr_is_met_or_an_error(signed_in, wish, error):
    said = answer(signed_in.authorize(claims=json.dumps({"id_token": {"acr": wish}})))
    assert said.get("error", "") == error


@pytest.mark.parametrize("wish", [{}, {"acr_values": ACR}, {"acr_values": "1 2"}, {"acr_values": f"phr {ACR}"}])
def test_acr_says_what_happened_whatever_was_wished(signed_in, wish):
    claims = signed_in.verified(signed_in.tokens(**wish)["id_token"]).claims
    assert claims["acr"] == ACR
    assert claims["amr"] == ["pwd"]


def test_a_sign_in_by_other_means_claims_no_password():
    assert supported.acr(["pwd", "otp"]) == ACR
    assert supported.acr(["otp"]) == ""
