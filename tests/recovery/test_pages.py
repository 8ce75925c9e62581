"""Recovery's pages and letter: the hooks that programs rely on, and what people are told."""

import re
from datetime import UTC, datetime

import pytest
from django.template.loader import render_to_string
from django.utils import translation

from idp.pages import Application, Choice, Problem, Step, tenant
from tests.hosted import LANGUAGES, assert_says_what_to_mend, assert_sound, render

PAYROLL = Application(name="Payroll")
SET_OUT = {"application": PAYROLL, "problems": [], "step": Step(1, 2), "back_url": "/recovery/"}
ADDRESS = SET_OUT | {"method": "email", "address": "", "another_url": "/recovery/method/"}
CODE = SET_OUT | {
    "reference": "K7",
    "asked_at": datetime(2026, 11, 23, 14, 21, tzinfo=UTC),
    "until": datetime(2026, 11, 23, 14, 31, tzinfo=UTC),
    "tries_left": 5,
    "digits": 8,
    "delivery": "sent",
    "handed_at": datetime(2026, 11, 23, 14, 22, tzinfo=UTC),
    "again_in": 40,
    "another_url": "/recovery/method/",
    "last_letter": False,
    "refresh": None,
}
NEW_PASSWORD = SET_OUT | {"username": "jane", "minimum_length": 15, "step": Step(2, 2)}
DONE = {"application": PAYROLL, "sessions_ended": 3, "continue_url": "/continue?i=abc", "told_by": ["email"]}
UNLOCK = {
    "application": PAYROLL,
    "opened": {"by_strangers": 31, "by_known_browsers": 1},
    "last_at": datetime(2026, 11, 23, 14, 20, tzinfo=UTC),
    "told_by": ["email"],
}
EVERY_PAGE = {
    "recovery-identify": ("recovery/identify.html", SET_OUT | {"identifier": "jane"}),
    "recovery-username": ("recovery/username.html", SET_OUT | {"address": "", "texts": True}),
    "recovery-username-sent": (
        "recovery/username_sent.html",
        {"application": PAYROLL, "identify_url": "/recovery/?i=abc", "again_url": "/recovery/username/"},
    ),
    "recovery-problem": (
        "recovery/problem.html",
        SET_OUT | {"choices": [Choice("forgot", "I forgot my password", "Set a new one.", "key")]},
    ),
    "recovery-method": (
        "recovery/method.html",
        SET_OUT | {"choices": [Choice("email", "Send a code", icon="mail")], "none_url": None},
    ),
    "recovery-address": ("recovery/address.html", ADDRESS),
    "recovery-code": ("recovery/code.html", CODE),
    "recovery-new-password": ("recovery/new_password.html", NEW_PASSWORD),
    "recovery-unlock": ("recovery/unlock.html", UNLOCK),
    "recovery-done": ("recovery/done.html", DONE),
    "recovery-ended": (
        "recovery/ended.html",
        {"reason": "tries", "start_url": "/recovery/", "application": None},
    ),
    "recovery-slow": (
        "recovery/slow.html",
        {"until": CODE["until"], "back_url": "/recovery/", "application": None},
    ),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", EVERY_PAGE)
def test_every_page_is_sound_in_every_language(name, language):
    template, context = EVERY_PAGE[name]
    assert_sound(render(template, context, language=language), language=language, name=name)


def test_without_text_messages_nobody_is_asked_for_a_number():
    page = render("recovery/username.html", SET_OUT | {"address": "", "texts": False})
    assert_sound(page, name="recovery-username")
    assert "phone" not in page.text


@pytest.mark.parametrize("name", ["recovery-identify", "recovery-address", "recovery-code", "recovery-new-password"])
def test_a_problem_is_said_in_the_title_the_summary_and_at_the_field(name):
    template, context = EVERY_PAGE[name]
    field = name.removeprefix("recovery-").replace("identify", "identifier")
    page = render(template, context | {"problems": [Problem(field, "That's not it")]})
    assert_sound(page, name=name)
    assert_says_what_to_mend(page, field=field, message="That's not it")


def test_a_password_with_two_faults_is_told_both_at_once():
    problems = [Problem("new-password", "Too short"), Problem("new-password", "Found in lists")]
    page = render("recovery/new_password.html", NEW_PASSWORD | {"problems": problems})
    assert_sound(page, name="recovery-new-password")
    for problem in problems:
        assert_says_what_to_mend(page, field="new-password", message=problem.message)


def test_choices_are_submit_buttons():
    problem = render(*EVERY_PAGE["recovery-problem"])
    assert [(e["name"], e["value"]) for e in problem.by_class("choice")] == [("problem", "forgot")]
    method = render(*EVERY_PAGE["recovery-method"])
    assert [(e["name"], e["value"]) for e in method.by_class("choice")] == [("method", "email")]
    assert method.by_id("none-of-these") is None


def test_the_address_is_typed_and_never_shown():
    page = render("recovery/address.html", ADDRESS)
    assert page.by_id("address")["value"] == ""
    assert page.by_id("address")["autocomplete"] == "email"
    assert page.by_id("another-way")["href"] == "/recovery/method/"


def test_the_code_page_promises_nothing_about_the_account():
    page = render("recovery/code.html", CODE)
    assert "If the address matches, we sent code K7 at 14:21. It works until 14:31." in page.text
    assert "Handed to your mail provider at 14:22." in page.text
    assert "5 tries left" in page.text
    assert "Never read this code to anyone. Our staff will not ask for it." in page.text


def test_the_code_field_is_one_field_for_digits():
    page = render("recovery/code.html", CODE)
    assert page.by_id("code")["autocomplete"] == "one-time-code"
    assert page.by_id("code")["inputmode"] == "numeric"
    assert page.form_of("code-form")[0] == "continue", "Enter submits the code, it does not ask for another"
    assert page.by_id("send-again")["form"] == "code-form"
    assert "formnovalidate" in page.by_id("send-again")


@pytest.mark.parametrize("delivery", ["waiting", "sent", "delayed", "failed"])
def test_delivery_is_announced_in_words(delivery):
    page = render("recovery/code.html", CODE | {"delivery": delivery})
    status = next(e for e in page.elements if "data-delivery" in e)
    assert status["data-delivery"] == delivery
    assert status["role"] == "status"
    assert status["text"].strip()


def test_sending_again_is_announced_then_open_then_over():
    assert "Send again in 40 s" in render("recovery/code.html", CODE).text
    assert "aria-disabled" not in render("recovery/code.html", CODE | {"again_in": 0}).by_id("send-again")
    assert render("recovery/code.html", CODE | {"last_letter": True}).by_id("send-again") is None


def test_without_a_script_a_waiting_page_looks_again_by_itself():
    waiting = CODE | {"delivery": "waiting", "refresh": 5}
    refresh = '<noscript><meta http-equiv="refresh" content="5"></noscript>'
    assert refresh in render("recovery/code.html", waiting).html
    assert refresh not in render("recovery/code.html", waiting | {"problems": [Problem("code", "No")]}).html
    assert "refresh" not in render("recovery/code.html", CODE).html


def test_a_new_password_is_typed_once_beside_the_name_it_belongs_to():
    page = render("recovery/new_password.html", NEW_PASSWORD)
    assert page.by_id("new-password")["name"] == "new_password"
    assert page.by_id("new-password")["autocomplete"] == "new-password"
    assert "value" not in page.by_id("new-password")
    names = [e["value"] for e in page.all("input") if e.get("autocomplete") == "username"]
    assert names == ["jane"], "password managers store the two together"
    assert page.by_id("save-password")["tag"] == "button"
    assert "At least 15 characters" in page.text


def test_done_says_what_was_done_and_where_to_go():
    page = render("recovery/done.html", DONE)
    assert page.by_id("continue-to-app")["href"] == "/continue?i=abc"
    assert page.by_id("continue-to-app")["text"] == "Continue to Payroll"
    assert "We signed out 3 other sessions" in page.text
    nothing_else = render("recovery/done.html", DONE | {"application": None, "sessions_ended": 0, "told_by": []})
    assert nothing_else.by_id("continue-to-app")["text"] == "Continue to sign-in"
    assert "session" not in nothing_else.text


@pytest.mark.parametrize("template", ["done", "unlock", "kept"])
@pytest.mark.parametrize(
    ("told_by", "said"),
    [
        (["email"], ["We told you by email, in case"]),
        (["sms"], ["We told you by text message, in case"]),
        (["email", "sms"], ["We told you by email and text message, in case"]),
        ([], []),
    ],
)
def test_it_says_by_which_channels_its_owner_was_told(template, told_by, said):
    page = render(f"recovery/{template}.html", DONE | UNLOCK | {"told_by": told_by})
    assert re.findall(r"We told you by .*?, in case", page.text) == said


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("page", ["unlock", "kept"])
def test_opened_again_is_sound_in_every_language(page, language):
    name = {"unlock": "recovery-unlock", "kept": "recovery-done"}[page]
    shown = render(f"recovery/{page}.html", UNLOCK | {"continue_url": "/sign-in?i=abc"}, language=language)
    assert_sound(shown, language=language, name=name)


def test_opened_again_says_what_had_happened_and_offers_both_ways_on():
    page = render("recovery/unlock.html", UNLOCK)
    assert "Your account is open again" in page.text
    assert "Your password was not changed" in page.text
    assert "tried 31 times from browsers your account doesn't know" in page.text
    assert "It was tried 1 time from a browser you signed in with before" in page.text
    assert "The last time was 23 November 2026, 14:20" in page.text
    assert page.form_of("unlock-form") == ["continue-to-app", "set-new-password"]
    nothing = UNLOCK | {"opened": {"by_strangers": 0, "by_known_browsers": 0}, "last_at": None, "told_by": []}
    quiet = render("recovery/unlock.html", nothing)
    assert "tried" not in quiet.text
    assert "last time" not in quiet.text


def test_what_is_not_opened_yet_is_not_said_to_be():
    page = render("recovery/unlock.html", {"application": PAYROLL, "opened": None})
    assert_sound(page, name="recovery-unlock")
    assert page.form_of("unlock-form") == ["open-account"]
    assert "is open again" not in page.text


@pytest.mark.parametrize("reason", ["tries", "expired", "superseded", "stale", "cancelled"])
def test_every_end_has_a_new_beginning(reason):
    page = render("recovery/ended.html", {"reason": reason, "start_url": "/recovery/?i=abc", "application": PAYROLL})
    assert_sound(page, name="recovery-ended")
    assert page.by_id("start-again")["href"] == "/recovery/?i=abc"
    assert page.all("title")[0]["text"] == f"{page.all('h1')[0]['text']} - Contoso"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_letter_stands_alone_as_text(language):
    context = {
        "tenant": tenant(),
        "code": "3812 0457",
        "reference": "K7",
        "until": CODE["until"],
        "asked_at": CODE["asked_at"],
        "device": "Chrome on Windows",
    }
    with translation.override(language):
        subject, text, html = (
            render_to_string(f"recovery/mail/code.{part}", context) for part in ("subject.txt", "txt", "html")
        )
    assert "Contoso" in subject
    assert not any(digit in subject for digit in "0123456789"), "a subject is shown on locked screens"
    assert "3812 0457" in text
    assert "3812&nbsp;0457" in html
    for part in (text, html):
        assert "K7" in part
        assert "14:31" in part
        assert "14:21" in part
        assert "Chrome on Windows" in part
    assert "<a " not in html, "the letter of a code has no link to press"
    assert f'lang="{LANGUAGES[language]}"' in html


def test_a_single_step_is_not_counted():
    assert render("recovery/code.html", CODE).by_class("step")
    assert not render("recovery/code.html", CODE | {"step": Step(1, 1)}).by_class("step")
    assert not render("recovery/new_password.html", NEW_PASSWORD | {"step": Step(1, 1)}).by_class("step")
