"""Administrators, as the tests of their pages need them; and a plug-in that counts, with or without recovery."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from idp.accounts import roles
from idp.models import Role
from idp.plugins.hooks import Coverage, Fared, Fate, Funnel, Held, Plugin, Stage
from tests.idp.login.test_factor import sign_in_with
from tests.story import Person

OVERVIEW = "/console/"
PEOPLE = "/console/people/"
DECISIONS = "/console/decisions/"
AUDIT = "/console/audit/"
EXPORT = "/console/audit/export/"
DELIVERY = "/console/delivery/"
APPLICATIONS = "/console/applications/"
INVITATIONS = "/console/invitations/"
RECOVERY = "/console/recovery/"
POLICY = "/console/policy/"
COUNTING = ["tests.idp.console.people.Counting"]


def appoint(user):
    """Make somebody an administrator."""
    with transaction.atomic():
        return roles.grant(user.pk, Role.Name.ADMINISTRATOR, by=None, now=timezone.now())


def at_a_browser(app):
    """Jane, who has just signed in with her password and what her app showed."""
    person = Person()
    sign_in_with(person, app)
    assert person.page.name == "account", person.page.text[:300]
    return person


class Counting(Plugin):
    """A plug-in that brings people back, with whatever numbers a test wants to see on the page."""

    covers = Coverage(
        accounts=412,
        registered=405,
        ready=375,
        ways=(
            Held(name="email", label="email", accounts=404),
            Held(name="recovery-code", label="recovery code", accounts=38),
        ),
        administrators=3,
        administrators_ready=2,
    )
    funnelled = Funnel(
        problems={"forgot": "Password forgotten", "locked": "Sign-in paused"},
        fared=(
            Fared(problem="", stage=Stage.STARTED, fate=Fate.EXPIRED, count=5),
            Fared(problem="forgot", stage=Stage.PROBLEM, fate=Fate.SUPERSEDED, count=4),
            Fared(problem="forgot", stage=Stage.ASKED, fate=Fate.TRIES, count=3),
            Fared(problem="forgot", stage=Stage.ASKED, fate=Fate.RUNNING, count=2),
            Fared(problem="forgot", stage=Stage.ENOUGH, fate=Fate.STALE, count=1),
            Fared(problem="forgot", stage=Stage.FINISHED, fate=Fate.FINISHED, count=1200),
            Fared(problem="locked", stage=Stage.FINISHED, fate=Fate.FINISHED, count=106),
        ),
        half_within=timedelta(seconds=170),
        most_within=timedelta(seconds=540),
    )

    def activation(self):
        return "/recovery/activate/"

    def coverage(self, now):  # noqa: ARG002 -- as it is called
        return self.covers

    def funnel(self, since, *, now):
        assert timedelta(days=1) <= now - since <= timedelta(days=7)
        return self.funnelled
