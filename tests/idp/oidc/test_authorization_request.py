"""The authorization endpoint: what is refused, how, and what is let through."""

import string
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from idp.models import Grant, Interaction
from idp.oidc.parameters import LONGEST
from tests.conftest import CALLBACK, make_client
from tests.idp.oidc.conftest import CHALLENGE, ISSUER, VERIFIER, Browser, answer, ask

#: RFC 6749 4.1.2.1.
DESCRIBABLE = set(string.printable[:95]) - {'"', "\\"}

REFUSED = [
    # what is changed, the error
    ({"response_type": None}, "invalid_request"),
    ({"response_type": ""}, "invalid_request"),
    ({"response_type": "token"}, "unsupported_response_type"),
    ({"response_type": "id_token"}, "unsupported_response_type"),
    ({"response_type": "id_token token"}, "unsupported_response_type"),
    ({"response_type": "code id_token"}, "unsupported_response_type"),
    ({"response_type": "code token"}, "unsupported_response_type"),
    ({"response_type": "none"}, "unsupported_response_type"),
    ({"response_type": "CODE"}, "unsupported_response_type"),
    ({"response_type": 'code"'}, "unsupported_response_type"),
    ({"response_mode": "fragment"}, "invalid_request"),
    ({"response_mode": "nonsense"}, "invalid_request"),
    ({"request": "eyJhbGciOiJub25lIn0.e30."}, "request_not_supported"),
    ({"request_uri": "https://evil.example/request"}, "request_uri_not_supported"),
    ({"request_uri": "urn:ietf:params:oauth:request_url:x"}, "request_uri_not_supported"),
    ({"registration": "{}"}, "registration_not_supported"),
    ({"scope": None}, "invalid_scope"),
    ({"scope": "profile email"}, "invalid_scope"),
    ({"scope": "OpenID"}, "invalid_scope"),
    ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
    ({"code_challenge": None}, "invalid_request"),
    ({"code_challenge_method": None}, "invalid_request"),
    ({"code_challenge_method": "plain"}, "invalid_request"),
    ({"code_challenge_method": "s256"}, "invalid_request"),
    ({"code_challenge_method": "S512"}, "invalid_request"),
    ({"code_challenge": CHALLENGE[:-1]}, "invalid_request"),
    ({"code_challenge": CHALLENGE + "A"}, "invalid_request"),
    ({"code_challenge": "A" * 129}, "invalid_request"),
    ({"code_challenge": CHALLENGE[:-1] + "="}, "invalid_request"),
    ({"code_challenge": CHALLENGE[:-1] + "é"}, "invalid_request"),
    ({"state": "s" * (LONGEST + 1)}, "invalid_request"),
    ({"nonce": "n" * (LONGEST + 1)}, "invalid_request"),
    ({"login_hint": "l" * (LONGEST + 1)}, "invalid_request"),
    ({"prompt": "none login"}, "invalid_request"),
    ({"prompt": "create"}, "invalid_request"),
    ({"prompt": "Login"}, "invalid_request"),
    ({"max_age": "-1"}, "invalid_request"),
    ({"max_age": "1.5"}, "invalid_request"),
    ({"max_age": "soon"}, "invalid_request"),
    ({"max_age": "٣"}, "invalid_request"),
    ({"max_age": "9" * 400}, "invalid_request"),
    ({"id_token_hint": "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0."}, "invalid_request"),
    ({"id_token_hint": "nonsense"}, "invalid_request"),
    ({"state": ["one", "two"]}, "invalid_request"),
    ({"scope": ["openid", "openid profile"]}, "invalid_request"),
    ({"nonce": ["one", "one"]}, "invalid_request"),
    ({"extra": ["one", "two"]}, "invalid_request"),
]

LET_THROUGH = [
    {"state": None},
    {"nonce": None},
    {"state": "s" * LONGEST},
    {"nonce": "n" * LONGEST},
    {"state": 'ünïcode "quoted" & = % +'},
    {"scope": "email openid"},
    {"scope": "openid unknown"},
    {"scope": " openid  profile "},
    {"response_mode": "query"},
    {"display": "popup"},
    {"display": "nonsense"},
    {"claims_locales": "se"},
    {"acr_values": "1 2"},
    {"ui_locales": "se"},
    {"login_hint": "anybody"},
    {"extra": "foobar"},
    {"max_age": "15000"},
    {"max_age": "0001000"},
    {"request": ""},
    {"prompt": ""},
    {"id_token_hint": ""},
]


@pytest.mark.parametrize(("changes", "error"), REFUSED, ids=[str(changes)[:60] for changes, _ in REFUSED])
def test_a_bad_request_is_refused_by_redirect(signed_in, changes, error):
    said = answer(signed_in.authorize(**changes))
    assert said["error"] == error
    assert set(said["error_description"]) <= DESCRIBABLE
    assert said["iss"] == ISSUER
    if "state" not in changes:
        assert said["state"] == "a state"
    assert not Grant.objects.exists()
    assert not Interaction.objects.exists()


@pytest.mark.parametrize("changes", LET_THROUGH, ids=[str(changes)[:60] for changes in LET_THROUGH])
def test_a_good_request_is_answered(signed_in, changes):
    said = answer(signed_in.authorize(**changes))
    assert said["code"]
    assert said.get("state") == ask(**changes).get("state")


def test_a_description_says_nothing_of_what_was_sent(signed_in):
    response = signed_in.authorize(response_type="canary-7", prompt="canary-7")
    assert "canary-7" not in response["Location"]


def test_the_granted_scope_is_what_was_asked_and_is_registered(signed_in, payroll):
    payroll.scope = "openid email"
    payroll.save()
    signed_in.code(scope="openid profile email unknown")
    assert Grant.objects.get().scope == "openid email"


# --- The client and its redirect URI: never a redirect --------------------------------------------------------

BAD_CLIENTS = [None, "", "nobody", "PAYROLL", "payroll ", 'pay"roll', "p" * 5000, ["payroll", "payroll"], "päyroll"]


@pytest.mark.parametrize("client_id", BAD_CLIENTS, ids=[str(each)[:20] for each in BAD_CLIENTS])
def test_an_unknown_application_gets_a_page(signed_in, client_id):
    assert_a_page(signed_in.authorize(client_id=client_id), "invalid_client")


def test_a_disabled_application_gets_a_page(signed_in, payroll):
    from django.utils import timezone

    payroll.disabled_at = timezone.now()
    payroll.save()
    assert_a_page(signed_in.authorize(), "invalid_client")


def uris():
    """Sixty ways of being almost right."""
    host = "payroll.contoso.example"
    return [
        None,
        "",
        "/callback",
        "callback",
        "//payroll.contoso.example/callback",
        f"https://{host}",
        f"https://{host}/",
        f"https://{host}/callback/",
        f"https://{host}/callback//",
        f"https://{host}//callback",
        f"https://{host}/Callback",
        f"https://{host}/CALLBACK",
        f"https://{host}/callback2",
        f"https://{host}/callback/evil",
        f"https://{host}/callback/../evil",
        f"https://{host}/callback/..",
        f"https://{host}/callback/.",
        f"https://{host}/x/../callback",
        f"https://{host}/./callback",
        f"https://{host}/callback%2e",
        f"https://{host}/callback%2f..",
        f"https://{host}/%63allback",
        f"https://{host}/callback%00",
        f"https://{host}/callback%0d%0aX: y",
        f"https://{host}/callback?",
        f"https://{host}/callback?a=b",
        f"https://{host}/callback?code=x",
        f"https://{host}/callback#",
        f"https://{host}/callback#fragment",
        f"https://{host}/callback;a",
        f"https://{host}/callback\\",
        f"https://{host}\\callback",
        f"https://{host}/callback ",
        f" https://{host}/callback",
        f"https://{host}/callback\t",
        f"https://{host}/callback\n",
        f"HTTPS://{host}/callback",
        f"hTTps://{host}/callback",
        f"http://{host}/callback",
        f"ftp://{host}/callback",
        f"javascript://{host}/callback",
        f"data:text/html,{host}",
        f"https://{host.upper()}/callback",
        f"https://{host}./callback",
        f"https://{host}:443/callback",
        f"https://{host}:80/callback",
        f"https://{host}:/callback",
        f"https://{host}:99999/callback",
        f"https://user@{host}/callback",
        f"https://{host}@evil.example/callback",
        f"https://{host}:x@evil.example/callback",
        f"https://{host}.evil.example/callback",
        f"https://evil.{host}/callback",
        "https://contoso.example/callback",
        f"https://evil.example/https://{host}/callback",
        f"https://evil.example/?{CALLBACK}",
        f"https://evil.example#{CALLBACK}",
        "https://pаyroll.contoso.example/callback",  # with a Cyrillic а
        "https://other.example/callback",  # another application's
        f"{CALLBACK} https://evil.example/",
        [CALLBACK, CALLBACK],
        [CALLBACK, "https://evil.example/"],
        CALLBACK + "a" * 3000,
    ]


@pytest.mark.parametrize("uri", uris(), ids=[str(uri)[:50] for uri in uris()])
def test_an_unregistered_address_is_never_gone_to(signed_in, uri):
    make_client("other", redirect_uris=["https://other.example/callback"])
    response = signed_in.authorize(redirect_uri=uri)
    assert_a_page(response, "invalid_request")
    assert b"evil.example" not in response.content


def test_sixty_ways_are_tried():
    assert len(uris()) >= 60


def test_a_post_adds_no_second_address(signed_in):
    query = urlencode(ask())
    response = signed_in.http.post(f"/authorize?{query}", {"redirect_uri": "https://evil.example/"}, secure=True)
    assert_a_page(response, "invalid_request")


def test_a_nul_is_a_page_too(signed_in):
    for name in ("redirect_uri", "state", "nonce", "client_id"):
        response = signed_in.authorize(**{name: "nul\x00"})
        assert response.status_code == 400
        assert "Location" not in response


def test_a_registered_query_stays_as_it_is_and_in_front(signed_in, payroll):
    payroll.redirect_uris = [f"{CALLBACK}?dummy1=lorem%20ipsum&dummy2"]
    payroll.save()
    response = signed_in.authorize(redirect_uri=payroll.redirect_uris[0])
    assert response["Location"].startswith(f"{CALLBACK}?dummy1=lorem%20ipsum&dummy2&code=")


LOOPBACK = [
    # registered, asked for, whether a native application may
    ("http://127.0.0.1/callback", "http://127.0.0.1:49152/callback", True),
    ("http://127.0.0.1:8080/callback", "http://127.0.0.1:49152/callback", True),
    ("http://127.0.0.1:8080/callback", "http://127.0.0.1/callback", True),
    ("http://[::1]/callback", "http://[::1]:49152/callback", True),
    ("http://127.0.0.1/callback", "http://127.0.0.1:49152/other", False),
    ("http://127.0.0.1/callback", "http://127.0.0.1:49152/callback?x=y", False),
    ("http://127.0.0.1/callback", "http://127.0.0.1:49152/callback#x", False),
    ("http://127.0.0.1/callback", "http://localhost:49152/callback", False),
    ("http://127.0.0.1/callback", "http://127.0.0.2:49152/callback", False),
    ("http://127.0.0.1/callback", "http://[::1]:49152/callback", False),
    ("http://127.0.0.1/callback", "https://127.0.0.1:49152/callback", False),
    ("http://127.0.0.1/callback", "http://x@127.0.0.1:49152/callback", False),
    ("http://127.0.0.1/callback", "http://127.0.0.1:0/callback", False),
    ("http://127.0.0.1/callback", "http://127.0.0.1:99999/callback", False),
    ("http://127.0.0.1/callback", "http://127.0.0.1:04915/callback", False),
    ("http://localhost/callback", "http://localhost:49152/callback", False),
    ("https://native.example/callback", "https://native.example:49152/callback", False),
]


@pytest.mark.parametrize(("registered", "uri", "may"), LOOPBACK)
def test_only_the_port_of_a_native_application_is_free(browser, jane, registered, uri, may):
    make_client("native", redirect_uris=[registered], token_endpoint_auth_method="none", skip_consent=True)
    browser.sign_in(jane)
    response = browser.authorize(client_id="native", redirect_uri=uri)
    assert response.status_code == (303 if may else 400)
    if may:
        redeemed = browser.redeem(
            answer(response)["code"], redirect_uri=uri, client_id="native", authorization="", code_verifier=VERIFIER
        )
        assert redeemed.status_code == 200


def test_a_confidential_clients_loopback_port_is_not_free(signed_in, payroll):
    payroll.redirect_uris = ["http://127.0.0.1:8001/callback"]
    payroll.save()
    assert_a_page(signed_in.authorize(redirect_uri="http://127.0.0.1:8002/callback"), "invalid_request")


# --- POST, and switches -------------------------------------------------------------------------------------


def test_a_form_does_as_well_as_a_query(signed_in):
    response = signed_in.http.post("/authorize", ask(), secure=True)
    assert answer(response)["code"]


def test_a_form_from_elsewhere_comes_back_with_cookies(jane, payroll):
    """SameSite=Lax keeps our cookies from another site's form; the same request by GET brings them."""
    response = Browser().http.post("/authorize", ask(), secure=True)
    assert response.status_code == 303
    target = urlsplit(response["Location"])
    assert target.path == "/authorize"
    assert dict(parse_qsl(target.query)) == ask()


def test_pkce_may_be_left_out_only_by_a_confidential_client_that_cannot_change(browser, jane):
    browser.sign_in(jane)
    make_client("old", require_pkce=False, skip_consent=True)
    make_client("public", require_pkce=False, skip_consent=True, token_endpoint_auth_method="none")
    without = {"code_challenge": None, "code_challenge_method": None}
    assert answer(browser.authorize(client_id="public", **without))["error"] == "invalid_request"
    assert answer(browser.authorize(client_id="old", **without))["code"]
    assert answer(browser.authorize(client_id="old", code_challenge_method="plain"))["error"] == "invalid_request"


def test_other_methods_are_not_answered(signed_in):
    assert signed_in.http.put("/authorize", secure=True).status_code == 405
    assert signed_in.http.put("/signed-out", secure=True).status_code in (403, 405)


def test_there_is_no_cors_where_people_are(signed_in):
    response = signed_in.http.get("/authorize", ask(), secure=True, headers={"origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in response


def assert_a_page(response, error):
    assert response.status_code == 400
    assert "Location" not in response
    page = response.content.decode()
    assert 'data-page="error"' in page or 'data-page="problem"' in page
    if 'data-page="error"' in page:
        assert f'<p id="error-code" lang="en">{error}</p>' in page
    assert not Grant.objects.exists()
