"""The provider's pages: the hooks that programs rely on, and what people are told."""

from datetime import UTC, datetime

import pytest
from django.template.loader import render_to_string
from django.utils import translation

from idp import pages
from idp.login.attempts import Paused
from idp.pages import Application, Choice, Entry, Link, Problem, Step
from tests.hosted import LANGUAGES, assert_says_what_to_mend, assert_sound, render

PAYROLL = Application(
    name="Payroll <b>",
    logo_uri="https://payroll.example/logo.png",
    policy_uri="https://payroll.example/privacy",
    tos_uri="https://payroll.example/terms",
    client_uri="https://payroll.example/",
)
RESCUE = Link(url="/recovery/?i=abc", label="Can't access your account?")
SIGN_IN = {
    "application": PAYROLL,
    "username": "jane",
    "problems": [],
    "rescue": RESCUE,
    "tries_left": None,
    "paused": None,
    "asks_for_code": False,
    "can_cancel": True,
    "passkey": True,
}
MISMATCH = Problem("password", "That username and password don't match")
CONSENT = {
    "application": PAYROLL,
    "application_host": "payroll.example",
    "account": {"label": "jane@contoso.example", "initial": "J"},
    "required": [
        {"value": "openid", "sentence": "Who you are"},
        {"value": "email", "sentence": "Your email"},
    ],
    "optional": [{"value": "phone", "sentence": "Your phone number"}],
}
#: What the frame of the account pages adds to a page's own context.
FRAMED = {
    "account": {"name": "Jane Doe", "label": "jane@contoso.example", "initial": "J"},
    "menu": [Entry(url="/account/", label="Overview", current=True)],
}
EVERY_PAGE = {
    "sign-in": ("idp/sign_in.html", SIGN_IN),
    "consent": ("idp/consent.html", CONSENT),
    "error": (
        "idp/error.html",
        {
            "application_name": "Payroll",
            "error_code": "invalid_request",
            "error_description": "redirect_uri is not registered",
            "reference": "7c1e-44d0",
        },
    ),
    "problem": (
        "idp/problem.html",
        {
            "heading": "No such page",
            "lead": "It moved.",
            "reference": "7c1e",
            "back": Link("/sign-in", "Back"),
        },
    ),
    "sign-out": ("idp/sign_out.html", {"application": PAYROLL, "hidden": {"state": 'a"b'}}),
    "freeze": ("idp/freeze.html", {"at": datetime(2026, 11, 23, 13, 31, tzinfo=UTC), "days": 3}),
    "frozen": ("idp/frozen.html", {"days": 3}),
    "signed-out": ("idp/signed_out.html", {"application": PAYROLL, "sign_in_url": "/sign-in"}),
    "applications": (
        "idp/account/applications.html",
        FRAMED
        | {
            "applications": [
                {
                    "client_id": "payroll",
                    "name": "Payroll <b>",
                    "host": "payroll.example",
                    "items": [{"value": "email", "sentence": "Your email address"}],
                    "since": datetime(2026, 11, 23, 13, 35, tzinfo=UTC),
                },
            ],
            "withdrawn": True,
        },
    ),
    "account": (
        "idp/account/overview.html",
        FRAMED
        | {
            "ways": [
                {
                    "id": "security",
                    "url": "/account/security/",
                    "title": "Security info",
                    "detail": "How you sign in",
                    "icon": "shield",
                },
            ],
        },
    ),
    "sign-in-again": (
        "idp/again.html",
        {
            "account": {"label": "jane@contoso.example", "initial": "J"},
            "username": "jane",
            "problems": [Problem("passkey", "That didn't work with this passkey")],
            "rescue": RESCUE,
            "passkey": True,
            "back_url": "/account/",
        },
    ),
    "factors-passkey": (
        "idp/factors/passkey.html",
        {"name": "Firefox, Linux", "longest_name": 60, "problems": [], "back_url": "/account/factors/add/"},
    ),
    "unavailable": ("idp/unavailable.html", {}),
    "busy": ("idp/busy.html", {"token": "a-token", "username": "jane"}),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", EVERY_PAGE)
def test_every_page_is_sound_in_every_language(name, language):
    template, context = EVERY_PAGE[name]
    assert_sound(render(template, context, language=language), language=language, name=name)


def test_sign_in_has_the_frozen_hooks():
    page = render("idp/sign_in.html", SIGN_IN)
    assert page.by_id("username")["name"] == "username"
    assert page.by_id("username")["value"] == "jane"
    assert page.by_id("username")["autocomplete"] == "username webauthn"
    assert page.by_id("password")["autocomplete"] == "current-password"
    assert "value" not in page.by_id("password")
    assert page.by_id("cant-access")["href"] == "/recovery/?i=abc"
    assert page.by_id("cant-access")["text"] == "Can't access your account?"
    assert page.by_id("client-logo")["src"] == PAYROLL.logo_uri
    assert page.by_id("client-policy")["href"] == PAYROLL.policy_uri
    assert page.by_id("client-tos")["href"] == PAYROLL.tos_uri
    assert page.form_of("login-form") == ["sign-in", "cancel"], "Enter signs in, it does not cancel"
    assert page.all("title")[0]["text"] == "Sign in - Contoso"


def test_the_page_that_stops_everything_has_the_frozen_hooks_and_says_what_it_holds():
    page = render("idp/freeze.html", EVERY_PAGE["freeze"][1])
    assert page.by_id("freeze")["tag"] == "button"
    assert page.by_id("keep")["href"] == "/sign-in"
    assert "23 November 2026, 13:31" in page.text
    assert "It holds recovery too." in page.text
    assert "ends after 3 days" in page.text


@pytest.mark.parametrize("name", ["sign-in", "sign-in-again", "factors-passkey"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_button_that_needs_a_script_is_hidden_until_one_shows_it(name, language):
    template, context = EVERY_PAGE[name]
    page = render(template, context, language=language)
    (part,) = [element for element in page.elements if "data-passkey" in element]
    assert "hidden" in part
    inside = page.elements[page.elements.index(part) :]
    assert page.by_id("passkey") in inside
    assert page.by_id("passkey")["tag"] == "button"
    assert all(part[f"data-{name}"] for name in ("nothing", "trouble")), "the script has no words of its own"
    english = next(e for e in render(template, context).elements if "data-passkey" in e)
    assert language == "en" or part["data-trouble"] != english["data-trouble"]


def test_without_passkeys_there_is_no_button_and_no_script():
    page = render("idp/sign_in.html", SIGN_IN | {"passkey": False})
    assert page.by_id("passkey") is None
    assert "passkey.js" not in page.html


def test_sign_in_without_an_application_or_a_plug_in_offers_neither():
    page = render("idp/sign_in.html", SIGN_IN | {"application": None, "rescue": None, "can_cancel": False})
    assert_sound(page, name="sign-in")
    assert [page.by_id(name) for name in ("cant-access", "client-logo", "cancel")] == [None, None, None]


def test_a_wrong_password_brings_the_way_out_to_the_field():
    page = render("idp/sign_in.html", SIGN_IN | {"problems": [MISMATCH], "tries_left": 2})
    assert_sound(page, name="sign-in")
    assert_says_what_to_mend(page, field="password", message=MISMATCH.message)
    assert "You can try 2 more times before sign-in is paused." in page.text
    order = [element.get("id") for element in page.elements]
    assert order.index("password") < order.index("cant-access") < order.index("sign-in")


def test_one_try_is_counted_in_the_singular():
    context = SIGN_IN | {"problems": [MISMATCH], "tries_left": 1}
    assert "You can try 1 more time before" in render("idp/sign_in.html", context).text
    assert "Il vous reste 1 essai avant" in render("idp/sign_in.html", context, language="fr").text


def test_a_pause_says_until_when_and_offers_the_way_out():
    paused_until = datetime(2026, 11, 23, 13, 35, tzinfo=UTC)
    page = render("idp/sign_in.html", SIGN_IN | {"paused": Paused(until=paused_until), "asks_for_code": True})
    assert_sound(page, name="sign-in")
    assert "You can try again at 13:35. Or get back in now: Can't access your account?" in page.text
    assert page.all("title")[0]["text"].startswith("Error: ")


def test_consent_has_the_frozen_hooks():
    page = render("idp/consent.html", CONSENT)
    scopes = [(e["type"], e["value"]) for e in page.all("input") if e.get("name") == "scope"]
    assert scopes == [("hidden", "openid"), ("hidden", "email"), ("checkbox", "phone")]
    assert page.form_of("consent-form") == ["allow", "deny"], "Enter allows; leaving is a form of its own"
    decisions = [e["value"] for e in page.all("button") if e.get("name") == "decision"]
    assert decisions == ["switch", "allow", "deny"]


def test_an_error_keeps_its_code_untranslated():
    page = render(*EVERY_PAGE["error"], language="zh-hans")
    assert (page.by_id("error-code")["tag"], page.by_id("error-code")["text"]) == ("p", "invalid_request")
    assert page.by_id("error-description")["text"] == "redirect_uri is not registered"


def test_the_sign_out_question_carries_what_it_was_asked_with():
    page = render(*EVERY_PAGE["sign-out"])
    assert ("state", 'a"b') in [(e.get("name"), e.get("value")) for e in page.all("input")]
    assert page.form_of("logout-form") == ["logout-yes", "logout-no"]


def test_an_applications_name_is_text():
    assert "Payroll <b>" in render("idp/consent.html", CONSENT).text
    assert "Payroll <b>" not in render("idp/consent.html", CONSENT).html


def test_the_unavailable_page_needs_no_request():
    html = render_to_string("idp/unavailable.html")
    assert 'lang="en"' in html
    assert "We'll be right back" in html


def test_every_language_links_to_this_very_page():
    page = render("idp/sign_in.html", SIGN_IN, language="fr", path="/sign-in?i=a%26b&lang=en")
    links = [(e["hreflang"], e["href"], "aria-current" in e) for e in page.all("a") if "hreflang" in e]
    assert links == [
        ("en", "?i=a%26b&lang=en", False),
        ("fr", "?i=a%26b&lang=fr", True),
        ("zh-Hans", "?i=a%26b&lang=zh-hans", False),
    ]


def test_the_foot_links_to_what_the_tenant_has(settings):
    assert not render(*EVERY_PAGE["account"]).all("footer")
    settings.TENANT_PRIVACY_URL = "https://contoso.example/privacy"
    foot = render(*EVERY_PAGE["account"]).all("footer")[0]
    assert foot["text"].split() == ["Privacy"]


def test_a_tenant_has_a_logo_or_an_initial(settings):
    assert pages.tenant().initial == "C"
    settings.TENANT_LOGO = "https://contoso.example/logo.svg"
    assert render(*EVERY_PAGE["account"]).all("img")[0]["alt"] == "Contoso"


def test_a_step_is_drawn_as_segments():
    assert Step(1, 2).segments == (True, False)
    assert Step(2, 2).segments == (True, True)


def test_every_icon_of_a_choice_exists():
    for icon in ("key", "lock", "phone", "alert", "mail", "shield", "finger", "list"):
        choices = [Choice("forgot", "I forgot my password", "Set a new one.", icon)]
        html = render_to_string("idp/parts/choices.html", {"name": "problem", "choices": choices})
        assert "<svg" in html


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_notice_of_a_changed_password_stands_alone_as_text(language):
    context = {
        "tenant": pages.tenant(),
        "at": datetime(2026, 11, 23, 14, 33, tzinfo=UTC),
        "device": "Chrome on Windows <x>",
        "proved_by": "email",
        "sessions_ended": 1,
        "sign_in_url": "https://id.contoso.example/sign-in",
    }
    with translation.override(language):
        subject, text, html = (
            render_to_string(f"idp/mail/password_changed.{part}", context) for part in ("subject.txt", "txt", "html")
        )
    assert "Contoso" in subject
    assert subject.strip().count("\n") == 0
    for part in (text, html):
        assert "14:33" in part
        assert "https://id.contoso.example/sign-in" in part
    assert "Chrome on Windows <x>" in text, "text is not escaped"
    assert "<x>" not in html
    assert "style=" not in html
    assert "<img" not in html
    assert f'lang="{LANGUAGES[language]}"' in html
