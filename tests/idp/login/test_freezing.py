"""Saying "it wasn't me": what the link in a notice does, what it does not, and what lifts it."""

import re
from datetime import timedelta
from urllib.parse import urlencode
from uuid import uuid4

import pytest
import time_machine
from django.conf import settings as configured
from django.test import override_settings
from django.utils import timezone

from idp import notices, stop_links, tidying
from idp.accounts import addresses, credentials, devices, freezes, lifecycle, password_change, pauses, reauthentication
from idp.accounts.freezes import Frozen
from idp.accounts.password_change import PasswordChanged, change_password
from idp.accounts.proofs import PROOF_LIFETIME, Earned, Proof
from idp.conf import policy
from idp.factors import enrolment, totp
from idp.models import AuditEntry, Credential, Message, PendingSignIn, SignIn, User
from idp.stop_links import StopLink
from tests.conftest import NEW_PASSWORD, PASSWORD, make_person
from tests.idp.account.conftest import signed_in
from tests.idp.factors.people import NOW_HERE, factor_of, fresh_sign_in, with_app
from tests.photographs import changed, photograph
from tests.story import Person, post_office

DAY = timedelta(days=1)
ELSEWHERE = {"address": "203.0.113.9"}
CONTEXT = {"policy": policy(), "origin": NOW_HERE}
WAYS = {
    "made up": lambda _link: "nothing",
    "empty": lambda _link: "",
    "no letters of ours": lambda _link: "é" * 20,
    "very long": lambda link: link.token * 9,
    "cut short": lambda link: link.token[:-1],
    "another account's": lambda link: _moved(link, user=uuid4()),
    "another event's": lambda link: _moved(link, event=uuid4()),
    "younger than it is": lambda link: _moved(link, at=link.at + DAY),
    "too old": lambda link: StopLink(user=link.user, event=link.event, at=link.at - stop_links.LIFETIME).token,
    "of nobody": lambda link: StopLink(user=uuid4(), event=link.event, at=link.at).token,
}


def _moved(link, **other):
    """Another link under the seal of this one."""
    told = StopLink(**{"user": link.user, "event": link.event, "at": link.at, **other})
    return f"{told.token.partition('.')[0]}.{link.token.partition('.')[2]}"


def link_for(user, *, at=None):
    return StopLink(user=user.pk, event=uuid4(), at=at or timezone.now())


def path(token):
    return f"{stop_links.PATH}?{urlencode({'t': token})}"


def freeze(user, *, person=None, link=None):
    """Somebody opens a link and presses the button."""
    person = person or Person(**ELSEWHERE)
    person.open(path((link or link_for(user)).token))
    assert person.page.name == "freeze", person.page.text[:200]
    person.submit()
    return person


def frozen(user):
    return User.objects.get(pk=user.pk).frozen_at is not None


def names(user):
    return list(AuditEntry.objects.filter(user=user.pk).order_by("sequence").values_list("name", flat=True))


# --- The link ---------------------------------------------------------------------------------------------


def test_the_letter_of_a_new_device_leads_there_and_the_button_freezes(jane):
    signed_in()
    signed_in(**ELSEWHERE, device="curl/8")
    letter = post_office()[-1]
    [url] = set(re.findall(r"https://\S+/recovery/stop/\S+", letter.body))
    assert url.replace("&", "&amp;") in letter.alternatives[0][0]
    person = Person()
    person.open(url)
    assert person.page.name == "freeze"
    assert person.page.parsed.ids["freeze"]["tag"] == "button"
    person.submit()
    assert person.page.url.endswith("/recovery/stop/done/")
    assert "Your account is frozen" in person.page
    assert frozen(jane)


@pytest.mark.parametrize("kind", sorted({notices.PASSWORD_CHANGED, *notices.notice_words._WORDS}))
def test_every_notice_that_something_can_be_done_about_has_the_link(jane, kind):
    facts = {
        "proved_by": "email",
        "sessions_ended": 1,
        "factor": "totp",
        "called": "Phone",
        "left": 3,
        "by": "time",
        "who": "John",
        "table": "credential",
        "decision": "administrator",
        "outcome": "withdrawn",
        **dict.fromkeys(("usable_from", "told_until", "until", "frozen_at", "due_at"), timezone.now().isoformat()),
    }
    notices.post(kind, jane.pk, reference=uuid4(), origin=NOW_HERE, now=timezone.now(), **facts)
    [letter] = post_office()
    final = {
        notices.ACCOUNT_DELETED,
        notices.ACCOUNT_STOPPED,
        notices.ADMINISTRATOR_ADDED,
        notices.ADMINISTRATOR_RECOVERED,
        notices.BREAK_GLASS,
        notices.DECISION_AGREED,
        notices.DECISION_CLOSED,
        notices.DECISION_PROPOSED,
        notices.FORGERY_FOUND,
        notices.FREEZE_PLACED,
    }
    for words in (letter.body, letter.alternatives[0][0]):
        assert (stop_links.PATH in words) is (kind not in final)


def test_every_address_gets_the_same_link_and_no_text_has_one(db):
    user = make_person(addresses=["a@contoso.example", "b@contoso.example"], phones=["+33612345678"])
    notices.post(notices.NEW_DEVICE, user.pk, reference=uuid4(), origin=NOW_HERE, now=timezone.now())
    urls = [re.search(r"https://\S+/recovery/stop/\S+", letter.body).group(0) for letter in post_office()]
    assert len(urls) == 2
    assert len(set(urls)) == 1
    text = notices.words(Message.objects.get(channel="sms"), language="en")
    assert stop_links.PATH not in text.body


def test_a_link_is_good_for_240_hours_from_the_event_and_outlives_its_message(jane):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        link = link_for(jane)
        clock.shift(timedelta(hours=240) - timedelta(seconds=1))
        assert stop_links.read(link.token, now=timezone.now()).user == jane.pk
        clock.shift(timedelta(seconds=1))
        assert stop_links.read(link.token, now=timezone.now()) is None


def test_a_link_survives_a_new_root_key(jane):
    link = link_for(jane).token
    fresh = ("fresh", b"f" * 32)
    with override_settings(ROOT_KEYS=(fresh, *configured.ROOT_KEYS)):
        assert stop_links.read(link, now=timezone.now()) is not None
    with override_settings(ROOT_KEYS=(fresh,)):
        assert stop_links.read(link, now=timezone.now()) is None


@pytest.mark.parametrize("how", WAYS)
def test_whatever_is_not_ours_gets_the_same_page_and_changes_nothing(jane, how):
    token = WAYS[how](link_for(jane))
    person = Person()
    before = photograph(without=["idp_counter"])
    person.open(path("something"))
    expected = _without_what_differs(person)
    # Whose account it was is not known before the button is pressed.
    opened = person.open(path(token))
    if how != "of nobody":
        assert (opened.status, _without_what_differs(person)) == (400, expected)
    person.open("/sign-in")
    answer = person.post(path(token), {"csrfmiddlewaretoken": person.page.parsed.fields["csrfmiddlewaretoken"][0]})
    assert answer.status_code == 400
    assert "This link doesn&#x27;t work" in answer.content.decode()
    assert not changed(before, photograph(without=["idp_counter"]))


def _without_what_differs(person):
    return re.sub(r'class="ref">[^<]+', "", person.page.response.content.decode())


def test_a_scanner_that_opens_the_link_changes_nothing(jane):
    hers = signed_in()
    token = link_for(jane).token
    before = photograph()
    for _again in range(30):
        Person(**ELSEWHERE).open(path(token))
        Person(**ELSEWHERE).http.head(path(token), secure=True)
    assert not changed(before, photograph())
    assert hers.open("/account/").name == "account"


def test_a_forged_form_does_nothing(jane):
    assert Person().post(path(link_for(jane).token), {}).status_code == 403
    assert not frozen(jane)


def test_trying_links_at_speed_ends_for_the_network_and_not_for_a_link_that_is_ours(jane):
    person = Person()
    person.open("/sign-in")
    form = {"csrfmiddlewaretoken": person.page.parsed.fields["csrfmiddlewaretoken"][0]}
    answers = [person.post(path(f"{number}"), form).status_code for number in range(21)]
    assert answers == [400] * 20 + [429]
    assert person.post(path(link_for(jane).token), form).status_code == 303
    assert frozen(jane)


# --- What it does -----------------------------------------------------------------------------------------


def test_if_the_audit_cannot_be_written_nothing_is_frozen(jane, monkeypatch):
    hers = signed_in()

    def fails(*_arguments, **_named):
        raise RuntimeError

    monkeypatch.setattr(freezes, "record", fails)
    with pytest.raises(RuntimeError):
        freeze(jane)
    assert not frozen(jane)
    assert hers.open("/account/").name == "account"


def test_freezing_again_changes_nothing(jane):
    link = link_for(jane)
    freeze(jane, link=link)
    before = photograph()
    person = freeze(jane, link=link)
    assert person.page.name == "frozen"
    assert not changed(before, photograph())


@pytest.mark.parametrize("status", [User.Status.SUSPENDED, User.Status.FROZEN])
def test_an_account_that_nobody_may_enter_gets_the_same_bytes_and_stays_shut(db, status):
    make_person("john", email="john@contoso.example")
    jane = make_person(status=status)
    pages = []
    for user in (jane, User.objects.get(preferred_username="john")):
        person = Person(**ELSEWHERE)
        person.open(path(link_for(user, at=timezone.now().replace(second=0)).token))
        pages.append([re.sub(r'(value=|href=)"[^"]+"', "", person.page.response.content.decode())])
        person.submit()
        pages[-1].append(re.sub(r'(value=|href=)"[^"]+"', "", person.page.response.content.decode()))
    assert pages[0] == pages[1]
    person = Person()
    person.open("/sign-in")
    person.submit(username="jane", password=PASSWORD)
    assert person.page.name == "sign-in"
    assert User.objects.get(pk=jane.pk).status == status


def test_an_account_that_is_no_more_is_not_ours_to_stop(jane):
    link = link_for(jane)
    User.objects.filter(pk=jane.pk).update(status=User.Status.DELETED)
    person = Person()
    person.open(path(link.token))
    person.submit()
    assert person.page.status == 400
    assert not frozen(jane)


# --- What is refused --------------------------------------------------------------------------------------


def _add(here):
    enrolment.add(here, "totp", lambda row: totp.material(b"x" * 20, row=row, user=here.user_id), name="", **_now())


def _remove(here):
    enrolment.remove(here, factor_of(here.user, "totp"), **_now())


def _new_codes(here):
    enrolment.new_recovery_codes(here, replaces=0, **_now())


def _add_address(here):
    addresses.put(here, "email", "thief@evil.example", called="", context=addresses.Context(**_now()))


def _remove_address(here):
    row = addresses.find(here.user, here.user.recovery_addresses.first().pk)
    addresses.remove(here, row, context=addresses.Context(**_now()))


def _delete(here):
    lifecycle.delete_own(here, **_now())


def _now():
    return {**CONTEXT, "now": timezone.now()}


@pytest.mark.parametrize("change", [_add, _remove, _new_codes, _add_address, _remove_address, _delete])
def test_a_request_that_was_on_its_way_changes_nothing_any_more(jane, change):
    """Its session was read before everything ended."""
    with_app(jane)
    make_second_address(jane)
    here = fresh_sign_in(jane)
    freeze(jane)
    before = photograph()
    with pytest.raises(Frozen):
        change(here)
    assert not changed(before, photograph())


def make_second_address(user):
    proof = Proof(
        user=user.pk,
        kind="email",
        replaces=0,
        earned=Earned.IMPORT,
        source=user.pk,
        expires_at=timezone.now() + PROOF_LIFETIME,
    )
    credentials.write_address(proof, "jane@home.example", channel="email", now=timezone.now())


def test_its_person_is_told_why_on_a_plain_page(jane, monkeypatch):
    hers = in_with(with_app(jane))
    factor = factor_of(jane, "totp")
    hers.open(f"/account/factors/{factor.pk}/")
    remove = enrolment.remove

    def a_moment_later(*arguments, **named):
        freeze(jane)
        return remove(*arguments, **named)

    monkeypatch.setattr(enrolment, "remove", a_moment_later)
    hers.submit(do="remove")
    assert (hers.page.status, hers.page.name) == (403, "problem")
    assert "Your account is frozen" in hers.page
    assert factor_of(jane, "totp") == factor


def in_with(app):
    """Jane, signed in with her app: by the code of the next step, for that of now was shown when it was added."""
    person = Person()
    person.open("/sign-in")
    person.submit(username="jane", password=PASSWORD)
    person.submit(otp=app.code(steps=1), way="totp")
    assert person.page.name == "account", person.page.text[:200]
    return person


def _proof(user, earned):
    password = Credential.objects.get(user=user, kind="password")
    return Proof(
        user=user.pk,
        kind="password",
        replaces=password.version,
        earned=earned,
        source=uuid4(),
        expires_at=timezone.now() + PROOF_LIFETIME,
    )


def test_a_recovery_that_was_on_its_way_sets_no_password_and_opens_nothing(jane):
    proof = _proof(jane, Earned.RECOVERY)
    freeze(jane)
    before = photograph()
    outcome = change_password(proof, NEW_PASSWORD, proved_by="email", **_now())
    assert isinstance(outcome, password_change.ProofStale)
    assert pauses.open_again(jane.pk, source=uuid4(), origin=NOW_HERE, now=timezone.now()) is None
    assert not changed(before, photograph())


def test_a_password_is_still_replaced_against_itself(jane):
    freeze(jane)
    proof = reauthentication.by_password(
        jane, Credential.objects.get(user=jane, kind="password"), PASSWORD, source=uuid4(), now=timezone.now()
    )
    assert isinstance(change_password(proof, NEW_PASSWORD, proved_by="password", **_now()), PasswordChanged)
    assert frozen(jane)


def test_a_sign_in_that_was_on_its_way_is_none_and_stays_none(jane):
    """It began before everything ended, and was written after."""
    hers = signed_in()
    begun = SignIn.objects.select_related("user").get()
    freeze(jane)
    SignIn.objects.update(ended_at=None)
    assert hers.open("/account/").name == "sign-in"
    begun.user.refresh_from_db()
    assert freezes.lift(begun.user, begun, origin=NOW_HERE, now=timezone.now()) is False
    assert frozen(jane)
    signed_in(**ELSEWHERE)
    assert not frozen(jane)
    assert hers.open("/account/").name == "sign-in"


def test_a_code_beside_a_pending_sign_in_of_before_is_of_no_use(jane):
    app = with_app(jane)
    person = Person()
    person.open("/sign-in")
    person.submit(username="jane", password=PASSWORD)
    assert person.page.url.startswith("/sign-in/factor")
    freeze(jane)
    assert not PendingSignIn.objects.filter(finished_at=None).exists()
    person.submit(otp=app.code(steps=1), way="totp")
    assert person.page.name != "account"
    assert frozen(jane)


# --- What lifts it ----------------------------------------------------------------------------------------


def test_signing_in_lifts_it_and_says_so(jane):
    freeze(jane)
    post_office()
    person = signed_in()
    assert not frozen(jane)
    assert "You stopped changes on" in person.page
    assert "They are possible again." in person.page
    assert "idp.freeze.lifted" in names(jane)
    assert "Your Contoso account is no longer frozen" in [letter.subject for letter in post_office()]
    person.open("/account/activity/")
    assert "A sign-in ended the freeze of your account" in person.page
    assert "froze your account" in person.page
    with time_machine.travel(timezone.now() + 8 * DAY):
        assert "You stopped changes" not in signed_in().page


def test_a_password_alone_lifts_nothing_where_there_is_a_second_factor(jane):
    app = with_app(jane)
    freeze(jane)
    person = Person()
    person.open("/sign-in")
    person.submit(username="jane", password=PASSWORD)
    assert person.page.url.startswith("/sign-in/factor")
    assert frozen(jane)
    person.submit(otp=app.code(steps=1), way="totp")
    assert person.page.name == "account"
    assert not frozen(jane)


def test_a_trusted_browser_is_asked_for_the_second_factor_all_the_same(jane, monkeypatch):
    hers = in_with(with_app(jane))
    freeze(jane)
    monkeypatch.setattr(devices, "is_trusted", lambda *_arguments, **_named: True)
    hers.open("/sign-in")
    hers.submit(username="jane", password=PASSWORD)
    assert hers.page.url.startswith("/sign-in/factor")
    assert frozen(jane)


def test_by_itself_it_ends_after_three_days_and_every_address_hears(jane):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        freeze(jane)
        post_office()
        clock.shift(3 * DAY - timedelta(seconds=1))
        assert tidying.sweep(timezone.now())["freezes"] == 0
        clock.shift(timedelta(seconds=1))
        assert tidying.sweep(timezone.now())["freezes"] == 1
        assert not frozen(jane)
        assert tidying.sweep(timezone.now())["freezes"] == 0
    [letter] = post_office()
    assert "nobody signed in since" in letter.body
    assert stop_links.PATH in letter.body


def test_it_can_be_frozen_again_from_the_letter_that_says_it_is_over(jane):
    freeze(jane)
    signed_in()
    letter = next(letter for letter in post_office() if "no longer frozen" in letter.subject)
    person = Person()
    person.open(re.search(r"https://\S+/recovery/stop/\S+", letter.body).group(0))
    person.submit()
    assert frozen(jane)


@pytest.mark.parametrize(("language", "said"), [("en", "Stop this?"), ("fr", "Tout arrêter"), ("zh-hans", "要阻止吗")])
def test_the_page_speaks_the_language_of_the_browser(jane, language, said):
    person = Person()
    person.open(f"{path(link_for(jane).token)}&lang={language}")
    assert said in person.page
    person.submit()
    assert person.page.name == "frozen"
