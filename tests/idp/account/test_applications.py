"""What a person allowed which application, and taking it back."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from idp.audit.events import Origin
from idp.login import consents
from idp.models import AuditEntry, Consent, Grant
from tests.conftest import make_client, make_person
from tests.idp.oidc.conftest import Browser

PATH = "/account/applications/"
HERE = {"secure": True, "headers": {"referer": "https://id.contoso.example" + PATH}}


@pytest.fixture
def shop(db):
    return make_client("shop", client_name="Shop <i>", client_uri="https://shop.example/start")


@pytest.fixture
def hers(jane, shop):
    """Jane's browser; she allowed the shop, which has tokens, and payroll, which needed no consent."""
    make_client(skip_consent=True)
    consents.remember(jane, shop, ["openid", "email", "offline_access"], now=timezone.now(), origin=Origin())
    browser = Browser()
    browser.sign_in(jane)
    return browser


def page(browser, **query):
    return browser.http.get(PATH, query, secure=True)


def take_back(browser, client_id="shop"):
    from tests.idp.oidc.test_logout import hidden

    form = hidden(browser.http.get("/account/", secure=True))
    return browser.http.post(PATH, form | {"withdraw": client_id}, **HERE)


def tokens(browser, client_id="shop"):
    from tests.idp.oidc.conftest import basic

    code = browser.code(client_id=client_id, scope="openid email offline_access", prompt=None)
    return browser.redeem(code, authorization=basic(client_id)).json()


def test_what_is_the_same_while_you_are_away_is_said_last(hers):
    """Scopes are stored by the alphabet, in which it would come before your profile."""
    text = page(hers).content.decode()
    assert text.index("Your email address") < text.index("The same, also while you are away")
    words = consents.in_words(["offline_access", "profile", "unheard of", "openid"])
    assert [item.value for item in words] == ["openid", "profile", "offline_access", "unheard of"]


def test_the_page_lists_what_was_allowed_in_words(hers):
    text = page(hers).content.decode()
    assert 'data-page="applications"' in text
    assert "Shop &lt;i&gt;" in text
    assert "shop.example" in text
    assert "Your email address" in text
    assert "The same, also while you are away" in text
    assert "Since " in text
    assert "Payroll" not in text, "nobody asked her about that one"


def test_the_account_page_leads_there(hers):
    assert f'href="{PATH}"' in hers.http.get("/account/", secure=True).content.decode()


def test_taking_back_ends_what_the_application_was_given(hers, jane):
    theirs = tokens(hers)
    others = tokens(hers, "payroll")
    response = take_back(hers)
    assert response["Location"] == f"{PATH}?withdrawn=1"
    assert 'id="withdrawn"' in page(hers, withdrawn=1).content.decode()
    assert hers.userinfo(theirs["access_token"]).status_code == 401
    assert hers.userinfo(others["access_token"]).status_code == 200
    from tests.idp.oidc.conftest import basic

    assert hers.refresh(theirs["refresh_token"], authorization=basic("shop")).json()["error"] == "invalid_grant"
    assert not Consent.objects.exists()
    assert Grant.objects.get(client__client_id="shop").ended_by == "consent withdrawn"
    entry = AuditEntry.objects.get(name="idp.consent.withdrawn")
    assert (entry.user, entry.details) == (jane.pk, {"client_id": "shop", "grants": 1})


def test_afterwards_it_has_to_ask_again(hers):
    take_back(hers)
    response = hers.authorize(client_id="shop", scope="openid email", prompt="none")
    assert "error=consent_required" in response["Location"]


def test_taking_back_twice_is_as_good_as_once(hers):
    take_back(hers)
    assert take_back(hers)["Location"] == PATH
    assert AuditEntry.objects.filter(name="idp.consent.withdrawn").count() == 1


def test_nobody_takes_back_for_somebody_else(hers, shop):
    john = make_person("john", email="john@contoso.example")
    his = Browser()
    his.sign_in(john)
    assert take_back(his)["Location"] == PATH
    assert Consent.objects.count() == 1
    assert "Shop" not in page(his).content.decode()


@pytest.mark.parametrize("said", ["", "payroll", "nobody", "x" * 5000, "shop'--", "\x00"])
def test_nonsense_takes_back_nothing(said, hers):
    assert take_back(hers, said).status_code in (303, 400)
    assert Consent.objects.count() == 1


def test_another_site_cannot_press_the_button(hers):
    for headers in ({"origin": "https://evil.example"}, {"referer": "https://id.contoso.example" + PATH}):
        response = hers.http.post(PATH, {"withdraw": "shop"}, headers=headers, secure=True)
        assert response.status_code == 403
    assert Consent.objects.count() == 1


def test_who_is_not_signed_in_is_sent_to_sign_in(hers):
    there = "/sign-in?to=%2Faccount%2Fapplications%2F"
    assert page(Browser())["Location"] == there
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        assert page(hers)["Location"] == there


def test_an_empty_list_says_so(jane, db):
    browser = Browser()
    browser.sign_in(jane)
    assert "There is no application" in page(browser).content.decode()


def test_no_other_method_is_answered(hers):
    assert hers.http.put(PATH, secure=True, headers={"origin": "https://id.contoso.example"}).status_code in (403, 405)
