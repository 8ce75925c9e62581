"""The forms of the console, filled in by an administrator; and the one that the letter of an invitation leads to."""

from django.utils import timezone

from idp.accounts import proposals
from idp.audit.events import Origin
from idp.conf import policy
from idp.console.verbs import Verb
from idp.models import Client, Invitation, Proposal, User
from tests.attacks.filled import Form, form
from tests.conftest import make_client, make_person
from tests.idp.console.people import (
    APPLICATIONS,
    DECISIONS,
    EXPORT,
    INVITATIONS,
    PEOPLE,
    appoint,
    at_a_browser,
)
from tests.idp.factors.people import with_app
from tests.story import Person, post_office

#: Pages that are looked at and have nothing to send.
NO_FORM = {
    *("console", "console-people", "console-person", "console-application", "console-applications"),
    *("console-audit", "console-delivery", "console-policy", "console-recovery"),
}
SECURITY = {"reason": "security"}
GUARDED = {
    "redirect_uris": "https://shop.contoso.example/callback",
    "grant_authorization_code": "1",
    "require_pkce": "1",
    **SECURITY,
}


def _administrator():
    """Jane, at the console; two others can get back in, so that she may do things to them."""
    jane = make_person()
    appoint(jane)
    for name in ("ada", "ben"):
        appoint(make_person(name, email=f"{name}@contoso.example"))
    return at_a_browser(with_app(jane))


def _sent(path, fields):
    person = _administrator()
    person.open(path(person) if callable(path) else path)
    return Form(person, fields)


def _somebody(verb):
    status = User.Status.SUSPENDED if verb == Verb.LIFT else User.Status.ACTIVE
    amara = make_person("amara", email="amara@contoso.example", status=status)
    if verb == Verb.DEMOTE:
        appoint(amara)
    if verb == Verb.RECOVER:
        # Who could not get back in is not asked to.
        with_app(amara)
    return amara


def _acting(verb):
    def fill():
        return _sent(f"{PEOPLE}{_somebody(verb).pk}/{verb}/", SECURITY)

    return fill


for _verb in Verb:
    form(f"console-{_verb}")(_acting(_verb))


@form("console-invitations")
def invite():
    return _sent(INVITATIONS, {"email": "kim@contoso.example", "username": "kim", "name": "Kim Lee", **SECURITY})


@form("console-invite-many")
def invite_many():
    return _sent(f"{INVITATIONS}many/", {"csv": "email\nkim@contoso.example", "confirm": "1", **SECURITY})


def _invited(word):
    def path(person):
        person.open(INVITATIONS)
        person.submit(email="kim@contoso.example", username="", name="", **SECURITY)
        return f"{INVITATIONS}{Invitation.objects.get().pk}/{word}/"

    return path


@form("console-send-again")
def invite_again():
    return _sent(_invited("send-again"), SECURITY)


@form("console-cancel")
def invitation_cancelled():
    return _sent(_invited("cancel"), SECURITY)


@form("recovery-activate")
def activate():
    _sent(_invited("cancel"), SECURITY)
    letter = next(each for each in post_office() if each.to == ["kim@contoso.example"])
    link = next(word for word in letter.body.split() if "/recovery/activate/" in word)
    person = Person()
    person.open(link)
    assert person.page.name == "recovery-activate"
    return Form(person)


@form("console-register")
def register():
    fields = {"client_name": "Shop", "token_endpoint_auth_method": "client_secret_basic", **GUARDED}
    return _sent(f"{APPLICATIONS}register/", fields)


def _shop(below):
    return f"{APPLICATIONS}{make_client('shop', client_name='Shop').client_id}/{below}/"


@form("console-description")
def description():
    return _sent(_shop("description"), {"client_name": "Store", **SECURITY})


@form("console-security")
def security():
    return _sent(_shop("security"), GUARDED)


@form("console-secret")
def secret():
    person = _administrator()
    person.open(_shop("secret").removesuffix("secret/"))
    version = person.page.parsed.fields.get("version", [""])[0]
    return Form(person, {"version": version, **SECURITY}, f"{APPLICATIONS}shop/secret/")


@form("console-state")
def state():
    person = _administrator()
    person.open(_shop("state").removesuffix("state/"))
    assert Client.objects.get().disabled_at is None
    return Form(person, {"state": "disabled", **SECURITY}, f"{APPLICATIONS}shop/state/")


@form("console-decisions")
def decision():
    person = _administrator()
    kim = make_person("kim", email="kim@contoso.example")
    what = proposals.Change(kind=Proposal.Kind.ADMINISTRATOR, subject=str(kim.pk), change={})
    ada = User.objects.get(preferred_username="ada")
    row = proposals.propose(what, by=ada, reason="new-colleague", policy=policy(), origin=Origin(), now=timezone.now())
    person.open(DECISIONS)
    return Form(person, {"act": "agree", "proposal": str(row.pk), **SECURITY})


@form("console-audit-export")
def export():
    return _sent(EXPORT, SECURITY)
