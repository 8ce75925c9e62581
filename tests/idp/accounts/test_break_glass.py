"""A new administrator when none can get in: two people, a loud act, and never anybody's old account."""

import io
import re
from datetime import timedelta

import pytest
import time_machine
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.test import override_settings
from django.utils import timezone

from idp.accounts import break_glass
from idp.accounts.break_glass import Halves
from idp.conf import Policy, policy
from idp.management.commands import break_glass_admin
from idp.models import AuditEntry, Invitation, Message, User
from tests.conftest import make_person
from tests.idp.console.people import DELIVERY, appoint, at_a_browser
from tests.idp.factors.people import fresh_sign_in, with_app
from tests.story import post_office

NEW = "rescue@contoso.example"
WITH_A_PAGE = ["tests.idp.accounts.test_break_glass.Page"]


class Page(break_glass_admin.invite.hooks.Plugin):
    """A plug-in with a page for invited people."""

    def activation(self):
        return "/activate"


@pytest.fixture
def halves(settings):
    settings.IDP_PLUGINS = WITH_A_PAGE
    made = break_glass.make_halves()
    settings.BREAK_GLASS_VERIFIER = made.verifier
    return made


@pytest.fixture
def boss(db):
    """An administrator who signed in four days ago."""
    person = make_person("boss", email="boss@contoso.example")
    appoint(person)
    fresh_sign_in(person, now=timezone.now() - timedelta(days=4))
    Message.objects.all().delete()
    return person


def run(monkeypatch, halves, email=NEW, **options):
    typed = iter((halves.first, halves.second))
    monkeypatch.setattr(break_glass_admin, "getpass", lambda _prompt: next(typed))
    out = io.StringIO()
    call_command("break_glass_admin", email, stdout=out, **options)
    return out.getvalue()


def refused(monkeypatch, halves, email=NEW):
    with pytest.raises(CommandError) as said:
        run(monkeypatch, halves, email)
    assert not AuditEntry.objects.filter(name="idp.break_glass.used").exists()
    assert not User.objects.filter(email=NEW).exists()
    return str(said.value)


def test_it_invites_a_new_administrator_and_tells_every_other(boss, halves, monkeypatch):
    assert "A letter to" in run(monkeypatch, halves)
    invitation = Invitation.objects.get(user__email=NEW)
    assert (invitation.role, invitation.user.status) == ("administrator", "invited")
    used = AuditEntry.objects.get(name="idp.break_glass.used")
    assert (used.user, used.details) == (invitation.user_id, {"invitation": str(invitation.pk)})
    letters = {letter.to[0]: letter for letter in post_office()}
    assert "emergency key" in letters[boss.email].subject
    call_command("verify_audit")


def test_halves_may_be_spelt_as_people_spell(boss, halves, monkeypatch):
    run(monkeypatch, Halves(first=halves.first.lower().replace("-", " "), second=f" {halves.second} "))


def test_one_half_is_worth_nothing(boss, halves, monkeypatch):
    other = break_glass.make_halves()
    for wrong in (
        Halves(first=halves.first, second=other.second),
        Halves(first=other.first, second=halves.second),
        Halves(first=halves.second, second=halves.first),
        Halves(first=halves.first, second=halves.first),
        Halves(first=halves.first, second=""),
    ):
        assert "not the two halves" in refused(monkeypatch, wrong)


def test_without_a_key_made_in_time_there_is_none(boss, halves, settings, monkeypatch):
    settings.BREAK_GLASS_VERIFIER = ""
    assert "no emergency key was made" in refused(monkeypatch, halves)


def test_while_an_administrator_signs_in_it_does_not_open(boss, halves, monkeypatch):
    fresh_sign_in(boss, now=timezone.now() - timedelta(days=2, hours=23))
    assert "signed in within the last 3 days" in refused(monkeypatch, halves)


def test_who_is_no_administrator_may_sign_in(boss, halves, monkeypatch):
    fresh_sign_in(make_person())
    run(monkeypatch, halves)


def test_the_first_administrator_comes_by_bootstrap(db, halves, monkeypatch):
    assert "bootstrap_admin" in refused(monkeypatch, halves)


def test_nobodys_account_is_brought_back(boss, halves, monkeypatch):
    make_person()
    assert "Its owner gets in by the sign-in page" in refused(monkeypatch, halves, "jane@contoso.example")
    assert "Its owner gets in by the sign-in page" in refused(monkeypatch, halves, boss.email)


def test_one_at_a_time(boss, halves, monkeypatch):
    run(monkeypatch, halves)
    with pytest.raises(CommandError, match="invited already"):
        run(monkeypatch, halves, "another@contoso.example")


def test_the_console_says_so_for_a_month(jane, halves, boss, monkeypatch):
    run(monkeypatch, halves)
    appoint(jane)
    app = with_app(jane)
    page = at_a_browser(app).open(DELIVERY)
    assert "emergency key" in page.text
    assert "break-glass" in page.parsed.ids
    with time_machine.travel(timezone.now() + timedelta(days=31), tick=True):
        assert "break-glass" not in at_a_browser(app).open(DELIVERY).parsed.ids


def test_what_is_printed_opens_it_and_nothing_is_kept():
    out = io.StringIO()
    call_command("make_break_glass_keys", stdout=out)
    first, second = re.findall(r"\b[AB](?:-[A-Z2-7]{4}){8}", out.getvalue())
    verifier = re.search(r"BREAK_GLASS_VERIFIER=([0-9a-f]{64})", out.getvalue()).group(1)
    assert Halves(first=first, second=second).verifier == verifier


def test_for_how_long_is_the_tenants(db):
    with override_settings(IDP={"break_glass_after": timedelta(days=10)}):
        assert policy().break_glass_after.days == 10
    with pytest.raises(ImproperlyConfigured):
        Policy(break_glass_after=timedelta(hours=1))
