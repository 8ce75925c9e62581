"""Forms that are good but for one field more: each is refused, and nothing is written (AD-02).

The forms are those of the URL table (tests/attacks/filled.py): a page that is added tomorrow has to be there.
"""

import re

import pytest
from django.urls import get_resolver
from django.urls.resolvers import URLResolver

from idp.audit.acts import FormRefused
from idp.channels import gateways
from idp.models import AuditEntry, Credential
from idp.problems import MACHINE
from recovery.domain.journey import Step
from tests.attacks import filled, filled_console
from tests.attacks.filled import FORMS
from tests.hosted import LANGUAGES, Page, assert_sound
from tests.photographs import changed, photograph
from tests.recovery.walk import walk_to
from tests.story import Person

#: What a form would carry that wants to be more than it is; and what only has a name.
SMUGGLED = {
    **dict.fromkeys(("is_admin", "is_staff", "is_superuser", "is_active", "email_verified", "trusted"), "1"),
    **dict.fromkeys(("role", "roles", "groups", "permissions"), "administrator"),
    **dict.fromkeys(("user", "user_id", "account", "owner", "sub", "id", "pk", "by", "subject"), "mallory"),
    **dict.fromkeys(("email", "phone", "phone_number", "locale", "preferred_username"), "mallory@evil.example"),
    **dict.fromkeys(("status", "kind", "channel", "state"), "active"),
    **dict.fromkeys(("version", "counter", "uses", "tries_used", "generation"), "0"),
    **dict.fromkeys(("seal", "proof", "material", "handle", "digest", "ciphertext", "key_id"), "t2.forged"),
    **dict.fromkeys(("created_at", "expires_at", "frozen_at", "usable_from", "told_until"), "2100-01-01T00:00:00Z"),
    **dict.fromkeys(("username", "password", "new_password", "name", "address", "reason"), "mallory"),
    **dict.fromkeys(("amr", "acr", "journey", "problem", "step", "client_id", "interaction", "next", "to"), "mallory"),
    **dict.fromkeys(("x", "Username", "username[]", "user.status", "user[status]", "__proto__", ""), "1"),
}
#: Fields that a form has and that were left out of it in tests/attacks/filled.py.
BESIDE = {
    "sign-in": {"username", "password"},
    "sign-in-again": {"username", "password"},
    "address": {"name"},
    "factors-one": {"name"},
    "sign-out": {"client_id", "state"},
    "console-audit-export": {"account", "by"},
}
every_form = pytest.mark.parametrize("case", FORMS, ids=lambda case: " ".join(case).strip())


def pages(resolver, prefix=""):
    """The names of what is made for people; what programs ask is tried in test_smuggled_parameters.py."""
    for pattern in resolver.url_patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from pages(pattern, path)
        elif not f"/{path}".startswith(MACHINE) and f"/{path}" != "/authorize":
            yield pattern.name, path


PAGES = dict(pages(get_resolver()))
NO_FORM = filled.NO_FORM | filled_console.NO_FORM


@pytest.fixture(autouse=True)
def _telephones_are_offered(settings):
    settings.SMS_GATEWAYS = gateways.read("json://127.0.0.1:1/")
    settings.SMS_COUNTRIES = ["FR"]


@pytest.fixture
def sent(case, db, settings):
    """The form of the case."""
    if case[0] == "recovery-register":
        # The other stories ask nobody for more ways back (tests/settings.py).
        settings.RECOVERY = {}
    return FORMS[case]()


def test_every_page_of_the_table_has_a_form_here_or_none():
    assert {route for route, _what in FORMS} | NO_FORM == PAGES.keys()
    assert not {route for route, _what in FORMS} & NO_FORM


@pytest.mark.parametrize("route", sorted(NO_FORM))
def test_a_page_without_a_form_takes_nothing(route, db):
    person = Person()
    token = person.open("/sign-in").parsed.fields["csrfmiddlewaretoken"][0]
    path = "/" + re.sub(r"<uuid:\w+>", "00000000-0000-4000-8000-000000000000", PAGES[route]).replace(
        "<slug:client_id>", "payroll"
    )
    before = photograph()
    assert person.post(path, {"csrfmiddlewaretoken": token}).status_code == 405
    assert not changed(before, photograph())


@every_form
def test_a_field_that_the_form_does_not_have_is_refused_and_nothing_is_written(case, sent):
    before = photograph()
    unknown = SMUGGLED.keys() - sent.fields.keys() - BESIDE.get(case[0], frozenset())
    answers = {name: sent.send({name: SMUGGLED[name]}) for name in unknown}
    assert {name for name, answer in answers.items() if answer.status_code != 400} == set()
    assert all(b"read that" in answer.content for answer in answers.values())
    # Of an administrator it is remembered that they tried.
    told = {"idp_auditentry", "idp_audithead"} if case[0].startswith("console-") else set()
    assert changed(before, photograph()) == told
    assert AuditEntry.objects.filter(name=FormRefused.name).count() == (len(unknown) if told else 0)
    before = photograph()
    # Nothing but the field was wrong with it.
    answer = sent.send()
    assert answer.status_code in (200, 303), answer.content[:300]
    assert bool(changed(before, photograph())) == sent.writes


@pytest.mark.parametrize("step", [Step.IDENTIFY, Step.PROBLEM, Step.METHOD, Step.ADDRESS, Step.CODE])
def test_nobody_learns_from_the_refusal_whether_somebody_is_known(step, jane):
    answers = [
        refused(walk_to(step, **who))
        for who in ({}, {"identifier": "nobody", "address": "nobody@contoso.example"}, {"address": "a@b.example"})
    ]
    assert answers[0] == answers[1] == answers[2]
    assert answers[0][0] == 400


def refused(person):
    """The answer to a field too many: its status and bytes, but for the reference by which it is found in the log."""
    token = person.page.parsed.fields["csrfmiddlewaretoken"][0]
    answer = person.post(person.page.url, {"csrfmiddlewaretoken": token, "user": "jane", "code": "12345678"})
    return answer.status_code, re.sub(rb'<span class="ref">[^<]*</span>', b"", answer.content)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_that_says_so_is_sound_in_every_language(language, db):
    person = Person()
    page = person.open(f"/sign-in?lang={language}")
    answer = person.submit(username="jane", password="x", is_admin="1")
    assert answer.status == 400
    assert_sound(Page(answer.response.content.decode()), language=language, name=answer.name)
    assert page.name == "sign-in"


def test_two_lost_factors_are_both_named(db):
    """Boxes of one name come one after the other: two ticked ones are no attack."""
    form = FORMS["recovery-new-app", ""]()
    assert len(form.fields["lost"]) == 2
    answer = form.send()
    assert (answer.status_code, answer["Location"]) == (303, "/recovery/done/")
    assert [factor.factor.name for factor in Credential.objects.exclude(kind="password").exclude(material="")] == [
        "New"
    ]
