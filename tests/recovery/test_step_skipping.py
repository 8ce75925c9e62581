"""Every page and every form at every step: what is allowed follows from the facts, and nothing else changes anything.

The pairs are generated, from the steps a journey can be at and all that can be asked of the pages.
"""

import itertools
import re
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from idp.accounts import credentials
from idp.models import Credential, Message, SignIn
from recovery.domain.journey import Step
from recovery.models import Journey, JourneyProof
from recovery.views import PAGES
from tests.conftest import NEW_PASSWORD, PASSWORD, make_person
from tests.idp.console.people import appoint
from tests.photographs import changed, photograph
from tests.recovery.walk import letter, walk_to, wrong_codes
from tests.story import Person

NOBODY = {"identifier": "nobody", "address": "nobody@contoso.example"}


def wrong_until_the_end(person):
    for wrong in wrong_codes("1234 5678" if person.decoy else letter(), 5):
        person.submit(code=wrong)
    assert person.page.name == "recovery-ended"


def finished_elsewhere(person):
    """A finished recovery of the same account elsewhere has ended this one."""
    walk_to(Step.DONE, person=Person(address="198.51.100.7"))
    assert person.open(PAGES[Step.NEW_PASSWORD]).name == "recovery-ended"


def ended(step, how, **who):
    person = walk_to(step, **who)
    person.decoy = bool(who)
    how(person)
    return person


def choosing(method, **who):
    """At the page of a method that sends nothing."""
    person = walk_to(Step.METHOD, **who)
    person.submit(method=method)
    return person


def new_password_too():
    person = walk_to(Step.UNLOCK)
    person.submit(new_password_too="1")
    return person


def asked_for_less():
    """The tenant came to ask for fewer proofs while somebody was on the way: what was proven is enough now."""
    person = walk_to(Step.UNLOCK)
    Journey.objects.update(result={})
    Message.objects.all().delete()
    return person


def kept():
    person = walk_to(Step.UNLOCK)
    person.submit(finish="1")
    person.open(PAGES[Step.DONE])
    return person


def lost_a_phone():
    """Another second factor, once the mailbox and the known password are proven."""
    person = walk_to(Step.CODE, problem="lost-factor")
    person.submit(code=letter())
    person.submit(method="password")
    person.submit(password=PASSWORD)
    person.open(PAGES[Step.NEW_FACTOR])
    return person


def stranded():
    """An administrator has to show two things, and this one has a mailbox and nothing else."""
    person = walk_to(Step.CODE)
    appoint(Credential.objects.get().user)
    person.submit(code=letter())
    return person


def expired(step):
    person = walk_to(step)
    Journey.objects.update(expires_at=timezone.now())
    return person


#: Where a journey can stand, and how a person comes to stand there.
STANDS = {
    "nowhere": (Step.IDENTIFY, lambda: walk_to(Step.IDENTIFY)),
    "problem": (Step.PROBLEM, lambda: walk_to(Step.PROBLEM)),
    "method": (Step.METHOD, lambda: walk_to(Step.METHOD)),
    "address": (Step.ADDRESS, lambda: walk_to(Step.ADDRESS)),
    "code": (Step.CODE, lambda: walk_to(Step.CODE)),
    "code, to an address of somebody else": (Step.CODE, lambda: walk_to(Step.CODE, address="a@b.example")),
    "code, of somebody locked out": (Step.CODE, lambda: walk_to(Step.CODE, problem="locked")),
    "passkey": (Step.PASSKEY, lambda: choosing("passkey")),
    "passkey, of nobody": (Step.PASSKEY, lambda: choosing("passkey", identifier="nobody")),
    "an app's code": (Step.CODE, lambda: choosing("totp")),
    "a saved code, of nobody": (Step.CODE, lambda: choosing("recovery-code", identifier="nobody")),
    "current password": (Step.CURRENT_PASSWORD, lambda: choosing("password", problem="lost-factor")),
    "another factor": (Step.NEW_FACTOR, lost_a_phone),
    "stranded": (Step.STRANDED, stranded),
    "password": (Step.NEW_PASSWORD, lambda: walk_to(Step.NEW_PASSWORD)),
    "unlock": (Step.UNLOCK, lambda: walk_to(Step.UNLOCK)),
    "unlock, and a new password too": (Step.NEW_PASSWORD, new_password_too),
    "unlock, before it is done": (Step.UNLOCK, asked_for_less),
    "kept": (Step.DONE, kept),
    "done": (Step.DONE, lambda: walk_to(Step.DONE)),
    "ended by tries": (Step.ENDED, lambda: ended(Step.CODE, wrong_until_the_end)),
    "ended by another": (Step.ENDED, lambda: ended(Step.NEW_PASSWORD, finished_elsewhere)),
    "ended by time, at the code": (Step.ENDED, lambda: expired(Step.CODE)),
    "ended by time, at the password": (Step.ENDED, lambda: expired(Step.NEW_PASSWORD)),
    "ended by time, at the unlocking": (Step.ENDED, lambda: expired(Step.UNLOCK)),
    "decoy, locked out": (Step.CODE, lambda: walk_to(Step.CODE, problem="locked", **NOBODY)),
    "decoy at the problem": (Step.PROBLEM, lambda: walk_to(Step.PROBLEM, **NOBODY)),
    "decoy at the method": (Step.METHOD, lambda: walk_to(Step.METHOD, **NOBODY)),
    "decoy at the address": (Step.ADDRESS, lambda: walk_to(Step.ADDRESS, **NOBODY)),
    "decoy at the code": (Step.CODE, lambda: walk_to(Step.CODE, **NOBODY)),
    "decoy ended by tries": (Step.ENDED, lambda: ended(Step.CODE, wrong_until_the_end, **NOBODY)),
}


#: What can be sent to a page: its own form, well and badly filled in, and what no form of it has.
FORMS = {
    Step.IDENTIFY: [{"identifier": "jane"}, {"identifier": ""}, {"identifier": "x" * 300}],
    Step.PROBLEM: [{"problem": "forgot"}, {"problem": "locked"}, {"problem": "both"}, {"problem": ""}],
    Step.METHOD: [{"method": "email"}, {"method": "totp"}, {"method": "password"}, {"method": ""}],
    Step.ADDRESS: [{"address": "jane@contoso.example"}, {"address": "no address"}, {"address": ""}],
    Step.CODE: [{"code": "{code}"}, {"code": "{wrong}"}, {"code": ""}, {"send_again": "1"}],
    Step.PASSKEY: [{"passkey": "nothing"}, {"passkey": ""}],
    Step.CURRENT_PASSWORD: [{"password": "not it"}, {"password": ""}],
    Step.NEW_FACTOR: [{"otp": "123456", "key": "made up"}, {"passkey": "nothing"}],
    Step.STRANDED: [{"method": "email"}, {"new_password": NEW_PASSWORD}],
    Step.NEW_PASSWORD: [{"new_password": NEW_PASSWORD}, {"new_password": "short"}, {"new_password": ""}],
    Step.UNLOCK: [{"finish": "1"}, {"new_password_too": "1"}, {"open": "1"}, {"new_password": NEW_PASSWORD}],
    Step.DONE: [{"new_password": NEW_PASSWORD}, {"proven": "email"}],
    Step.ENDED: [{"ending": ""}, {"new_password": NEW_PASSWORD}],
}
EVERYTHING = {name: value for forms in FORMS.values() for form in forms[:1] for name, value in form.items() if value}
STRANGE = [
    {},
    {"step": "password", "proven": "email", "subject": "jane", "ending": ""},
    {"journey": "{journey}", "user": "{user}", "next": "/recovery/password/"},
    EVERYTHING,
]
ACTIONS = [
    *((page, "GET", {}) for page in PAGES),
    *((page, "HEAD", {}) for page in PAGES),
    *((page, "POST", form) for page in PAGES for form in [*FORMS[page], *STRANGE]),
    *((page, method, EVERYTHING) for page in PAGES for method in ("PUT", "PATCH", "DELETE", "OPTIONS")),
]
#: Written down once more, apart from the code: which pages are open at which step.
MAY_OPEN = {
    Step.IDENTIFY: {Step.IDENTIFY},
    Step.PROBLEM: {Step.PROBLEM},
    Step.METHOD: {Step.PROBLEM, Step.METHOD},
    Step.ADDRESS: {Step.PROBLEM, Step.METHOD, Step.ADDRESS},
    Step.CODE: {Step.PROBLEM, Step.METHOD, Step.ADDRESS, Step.CODE},
    Step.PASSKEY: {Step.PROBLEM, Step.METHOD, Step.PASSKEY},
    Step.CURRENT_PASSWORD: {Step.PROBLEM, Step.METHOD, Step.CURRENT_PASSWORD},
    Step.NEW_FACTOR: {Step.NEW_FACTOR},
    Step.STRANDED: {Step.STRANDED},
    Step.NEW_PASSWORD: {Step.NEW_PASSWORD},
    Step.UNLOCK: {Step.UNLOCK},
    Step.DONE: {Step.DONE},
    Step.ENDED: {Step.ENDED},
}
#: Written down once more as well: the fields of each page's form. A field of another one is refused before anything.
FIELDS = {
    Step.IDENTIFY: {"identifier"},
    Step.PROBLEM: {"problem"},
    Step.METHOD: {"method"},
    Step.ADDRESS: {"address"},
    Step.CODE: {"code", "send_again"},
    Step.PASSKEY: {"passkey"},
    Step.CURRENT_PASSWORD: {"password"},
    Step.NEW_PASSWORD: {"new_password"},
    Step.UNLOCK: {"open", "finish", "new_password_too"},
}
#: Where a code was sent that is theirs, and where it leads.
ONES_OWN_CODE = {"code": Step.NEW_PASSWORD, "code, of somebody locked out": Step.UNLOCK}
#: What only a right code and a new password may write.
GUARDED = {"idp_credential", "recovery_journeyproof", "idp_signin", "idp_recoveryaddress", "idp_user", "idp_grant"}


def act(person, page, method, form):
    filled = {name: value.format(**person.words) for name, value in form.items()}
    token = person.http.cookies["__Host-regain-csrf"].value
    if method == "POST":
        return person.post(PAGES[page], {"csrfmiddlewaretoken": token, **filled})
    headers = {"origin": "https://id.contoso.example", "x-csrftoken": token}
    return person.http.generic(method, PAGES[page], urlencode(filled), headers=headers, secure=True)


@dataclass(frozen=True)
class Pair:
    """A step somebody stands at, and what they send."""

    stand: str
    step: Step
    page: Step
    method: str
    form: dict[str, str]

    @property
    def is_strange(self):
        return self.method == "POST" and bool(self.form.keys() - FIELDS.get(self.page, set()))

    @property
    def is_allowed(self):
        return self.page is Step.IDENTIFY or self.page in MAY_OPEN[self.step]

    @property
    def proves(self):
        return self.page is Step.CODE and self.stand in ONES_OWN_CODE and self.form.get("code") == "{code}"

    @property
    def finishes(self):
        opened = self.stand != "unlock, before it is done"
        return self.page is Step.UNLOCK and bool(self.form.get("finish")) and opened

    @property
    def replaces(self):
        return self.page is Step.NEW_PASSWORD and self.form.get("new_password") == NEW_PASSWORD


@pytest.mark.parametrize("stand", STANDS)
def test_every_pair_of_step_and_action_does_what_the_facts_allow_and_nothing_else(db, stand):
    make_person()
    step, arrive = STANDS[stand]
    with time_machine.travel(timezone.now(), tick=False):
        person = arrive()
        code = letter() if stand in ONES_OWN_CODE else "1234 5678"
        journey = Journey.objects.order_by("started_at").first()
        person.words = {
            "code": code,
            "wrong": wrong_codes(code, 1)[0],
            "journey": journey.pk if journey else "",
            "user": Credential.objects.get().user_id,
        }
        cookies = dict(person.http.cookies)
        for page, method, form in ACTIONS:
            # Each pair begins where the journey stands: what the one before did is undone.
            point = transaction.savepoint()
            person.http.cookies.clear()
            person.http.cookies.update(cookies)
            pair = Pair(stand=stand, step=step, page=page, method=method, form=form)
            before = photograph(without=("idp_counter",))
            response = act(person, page, method, form)
            judge(pair, response, differs=changed(before, photograph(without=("idp_counter",))))
            transaction.savepoint_rollback(point)


def judge(pair, response, *, differs):
    secret = differs & GUARDED
    if pair.method not in ("GET", "POST"):
        assert response.status_code == 405, pair
        assert not differs, pair
    elif pair.is_strange:
        assert response.status_code == 400, pair
        assert not differs, pair
    elif not pair.is_allowed:
        assert (response.status_code, response["Location"]) == (303, PAGES[pair.step]), pair
        assert not differs, pair
    elif pair.method == "GET":
        assert not differs, pair
        assert shows_a_page(response) or response["Location"] == PAGES[pair.step], pair
    elif pair.replaces:
        assert secret == {"idp_credential", "recovery_journeyproof"}, pair
        assert response["Location"] == PAGES[Step.DONE], pair
    elif pair.proves:
        assert secret == {"recovery_journeyproof"}, pair
        assert response["Location"] == PAGES[ONES_OWN_CODE[pair.stand]], pair
    elif pair.finishes:
        assert secret == {"recovery_journeyproof"}, pair
        assert response["Location"] == "/sign-in", pair
    else:
        assert not secret, pair
        assert shows_a_page(response) or response["Location"] in PAGES.values(), pair


def shows_a_page(response):
    return response.status_code in (200, 429) and re.search(rb'data-page="recovery-', response.content)


def test_the_table_of_pairs_is_the_whole_table():
    """Every page is asked in every way, at every step there is."""
    assert {step for step, _arrive in STANDS.values()} == set(Step)
    assert set(FORMS) == set(Step) == set(PAGES)
    asked = {(page, method) for page, method, _form in ACTIONS}
    assert asked >= set(itertools.product(PAGES, ("GET", "HEAD", "POST")))


def test_a_guessed_address_leads_nowhere(jane):
    person = walk_to(Step.CODE)
    for guessed in ("finish", "reset", "new-password", "confirm", "password/done", "password/x", "journey", "1"):
        assert person.open(f"/recovery/{guessed}/").status == 404
        assert person.open(f"/recovery/{guessed}").status == 404


def test_whoever_is_no_further_cannot_bring_the_form_of_somebody_who_is(jane):
    """The form of the password page, with its own hidden fields, sent by another browser."""
    further = walk_to(Step.NEW_PASSWORD)
    behind = walk_to(Step.CODE, person=Person(address="198.51.100.7"))
    behind.page = further.page
    token = behind.http.cookies["__Host-regain-csrf"].value
    response = behind.post(PAGES[Step.NEW_PASSWORD], {"csrfmiddlewaretoken": token, "new_password": NEW_PASSWORD})
    assert response["Location"] == PAGES[Step.CODE]
    assert Credential.objects.get(user=jane).version == 1


def test_recovery_signs_nobody_in(jane):
    person = walk_to(Step.DONE)
    assert not SignIn.objects.exists()
    assert person.open("/account/").name == "sign-in"
    assert "__Host-regain-session" not in person.http.cookies


def test_time_runs_out_for_a_proof_as_well(jane):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        person = walk_to(Step.NEW_PASSWORD)
        clock.shift(timedelta(minutes=30))
        person.submit(new_password=NEW_PASSWORD)
        assert person.page.name == "recovery-ended"
        assert "Time ran out" in person.page
    row = Credential.objects.get(user=jane)
    assert row.version == 1
    assert credentials.verify_password(jane, row, PASSWORD, now=timezone.now())
    assert JourneyProof.objects.get().consumed_at is None
