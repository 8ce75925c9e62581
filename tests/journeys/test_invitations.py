"""From the letter of an invitation to a first password, over HTTP; and every way in which its link is dead."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone, translation

from idp import tidying
from idp.accounts import credentials, invitations, roles
from idp.accounts.invitations import Guest
from idp.accounts.proofs import Earned, Proof
from idp.audit import chain
from idp.conf import policy
from idp.models import AuditEntry, Credential, Invitation, RecoveryAddress, Role, User
from tests.conftest import NEW_PASSWORD, drop_guards, make_person
from tests.story import Person, post_office

EMAIL = "kim@contoso.example"
LINK = re.compile(r"https://id\.contoso\.example(/recovery/activate/\?t=[\w.%-]+)")


def invite(email=EMAIL, **fields):
    return invitations.invite(Guest(email=email, **fields), by=None, policy=policy(), now=timezone.now())


def link_in(letter):
    return LINK.search(letter.body).group(1)


@pytest.fixture
def link(db):
    """Kim is invited, and the letter has come."""
    invite(name="Kim Lee")
    (letter,) = post_office()
    return link_in(letter)


def activate(person, link, *, password=NEW_PASSWORD):
    person.open(link)
    assert person.page.name == "recovery-activate", person.page.text[:200]
    person.submit()
    assert person.page.name == "recovery-new-password", person.page.text[:200]
    return person.submit(new_password=password)


def kim():
    return User.objects.get(username_key__in=(EMAIL, "kim"))


def is_dead(link):
    """Whether the link leads nowhere, opened and pressed."""
    person = Person()
    page = person.open(link)
    # Any page of ours gives the token that its button would send.
    token = person.open("/sign-in").parsed.fields["csrfmiddlewaretoken"][0]
    pressed = person.post(link, {"csrfmiddlewaretoken": token})
    return (page.status, pressed.status_code) == (400, 400) and "no longer works" in page.text


# --- The way ----------------------------------------------------------------------------------------------


def test_an_invited_person_chooses_a_password_and_signs_in_with_it(link):
    person = Person()
    activate(person, link)
    assert person.page.name == "recovery-activated"
    person.click("continue-to-app")
    person.submit(username=EMAIL, password=NEW_PASSWORD)
    assert person.page.name == "account", person.page.text[:300]


def test_the_address_is_verified_and_the_only_thing_that_was_supplied(link):
    activate(Person(), link)
    account = kim()
    assert (account.status, account.email, account.email_verified) == ("active", EMAIL, True)
    address = RecoveryAddress.objects.get(user=account)
    assert (address.channel, address.version, address.usable_from) == ("email", 1, None)
    call_command("verify_audit", verbosity=0)  # who was invited is who is there
    earned = AuditEntry.objects.filter(user=account.pk, name="idp.credential.written").values_list("details", flat=True)
    assert {entry["earned"] for entry in earned} == {"activation"}
    assert not list(chain.faults())


def test_its_history_tells_who_supplied_the_address(link):
    person = Person()
    activate(person, link)
    person.click("continue-to-app")
    person.submit(username=EMAIL, password=NEW_PASSWORD)
    page = person.open("/account/activity/")
    assert "the operator supplied the address of your letter" in page
    assert "nobody else has seen the password" in page


def test_afterwards_they_recover_by_that_address(link):
    activate(Person(), link)
    post_office()
    person = Person()
    person.open("/recovery/")
    person.submit(identifier=EMAIL)
    person.submit(problem="forgot")
    person.submit(method="email")
    person.submit(address=EMAIL)
    (letter,) = post_office()
    code = re.search(r"\b\d{4} \d{4}\b", letter.body).group(0)
    person.submit(code=code)
    assert person.page.name == "recovery-new-password"


def test_whoever_opened_it_on_the_telephone_goes_on_at_the_desk(link):
    """The link works until the account is set up, in any browser; what one of them began is not in the others' way."""
    telephone, desk = Person(), Person()
    telephone.open(link)
    telephone.submit()
    activate(desk, link)
    assert desk.page.name == "recovery-activated"
    page = telephone.submit(new_password="another harbour, another lantern")
    assert page.name != "recovery-activated"
    assert Credential.objects.get(user=kim()).version == 1


def test_opening_the_link_changes_nothing(link):
    before = AuditEntry.objects.count()
    for _scanner in range(5):
        response = Person().http.get(link, secure=True)
        assert response.status_code == 200
        assert Person().http.head(link, secure=True).status_code in (200, 405)
    assert AuditEntry.objects.count() == before
    assert kim().status == User.Status.INVITED


@pytest.mark.parametrize(
    "password", ["short", "passwordpassword", "contoso contoso contoso", "kim@contoso.example kim"]
)
def test_the_rules_are_those_of_every_password(link, password):
    person = Person()
    page = activate(person, link, password=password)
    assert page.name == "recovery-new-password"
    assert not Credential.objects.exists()
    assert person.submit(new_password=NEW_PASSWORD).name == "recovery-activated"


def test_who_sets_it_up_is_told_and_so_is_nobody_else(link):
    activate(Person(), link)
    (told,) = post_office()
    assert told.to == [EMAIL]
    assert "account is ready" in told.subject


@pytest.mark.parametrize(
    ("language", "subject"),
    [("en", "Set up your Contoso account"), ("fr", "Créez votre compte Contoso"), ("zh-hans", "设置你的 Contoso 帐户")],
)
def test_the_letter_is_written_in_the_language_of_who_invites(db, language, subject):
    with translation.override(language):
        invite()
    (letter,) = post_office()
    assert letter.subject == subject
    assert LINK.search(letter.body)
    assert LINK.search(letter.alternatives[0].content.replace("&amp;", "&"))


# --- Dead links -------------------------------------------------------------------------------------------


def test_it_works_once(link):
    activate(Person(), link)
    assert is_dead(link)


def test_it_ends_with_its_time(link):
    end = timezone.now() + policy().invitation_lifetime
    with time_machine.travel(end - timedelta(minutes=1)):
        assert Person().open(link).name == "recovery-activate"
    with time_machine.travel(end + timedelta(minutes=1)):
        assert is_dead(link)


def test_what_was_begun_in_time_is_not_finished_after_it(link):
    end = timezone.now() + policy().invitation_lifetime
    person = Person()
    with time_machine.travel(end - timedelta(minutes=1)):
        person.open(link)
        person.submit()
    with time_machine.travel(end + timedelta(minutes=1)):
        page = person.submit(new_password=NEW_PASSWORD)
        assert page.status == 400
        assert "no longer works" in page
    assert not Credential.objects.exists()


def test_a_newer_letter_makes_it_worthless(link):
    assert invitations.send_again(Invitation.objects.get().pk, by=None, policy=policy(), now=timezone.now())
    assert is_dead(link)
    (letter,) = post_office()
    activate(Person(), link_in(letter))
    assert kim().status == User.Status.ACTIVE


def test_cancelling_ends_it_also_for_whoever_is_on_the_way(link):
    person = Person()
    person.open(link)
    person.submit()
    assert invitations.cancel(Invitation.objects.get().pk, by=None, now=timezone.now())
    assert is_dead(link)
    page = person.submit(new_password=NEW_PASSWORD)
    assert page.status == 400
    assert not Credential.objects.exists()


def test_a_cancelled_one_can_be_invited_anew(link):
    invitations.cancel(Invitation.objects.get().pk, by=None, now=timezone.now())
    invite()
    (letter,) = post_office()
    assert is_dead(link)
    activate(Person(), link_in(letter))
    assert kim().status == User.Status.ACTIVE


def test_once_it_is_taken_up_nobody_sends_or_cancels_it(link):
    activate(Person(), link)
    invitation = Invitation.objects.get()
    assert not invitations.send_again(invitation.pk, by=None, policy=policy(), now=timezone.now())
    assert not invitations.cancel(invitation.pk, by=None, now=timezone.now())
    assert kim().status == User.Status.ACTIVE


def test_a_forgotten_one_is_cancelled_by_itself(link):
    later = timezone.now() + policy().invitation_lifetime + timedelta(days=29)
    assert tidying.sweep(later)["invitations"] == 0
    assert tidying.sweep(later + timedelta(days=2))["invitations"] == 1
    assert not User.objects.filter(email_key=EMAIL).exists()


@pytest.mark.parametrize("token", ["", "x", "a.b", "é", "A" * 300, "AAAAAAAAAAAAAAAAAAAAAAAAAAA.t2.AAAA"])
def test_what_is_no_link_says_the_same(db, token):
    assert is_dead(f"/recovery/activate/?t={token}" if token.isascii() else "/recovery/activate/?t=%C3%A9")


def test_the_link_of_one_is_good_for_no_other(link):
    invite("lee@contoso.example", username="lee")
    post_office()
    activate(Person(), link)
    assert User.objects.get(username_key="lee").status == User.Status.INVITED


def test_trying_links_at_speed_ends(db):
    person = Person(address="192.0.2.66")
    answers = {person.open(f"/recovery/activate/?t={number}").status for number in range(25)}
    assert answers == {400, 429}


# --- Side doors -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("identifier", [EMAIL, "kim@CONTOSO.example"])
def test_before_that_it_signs_in_and_recovers_like_nobodys(link, identifier):
    """EN-01: invited and unknown see the same bytes, and get no letter."""
    seen = []
    for name in (identifier, "nobody@contoso.example"):
        person = Person()
        person.open("/sign-in")
        person.submit(username=name, password=NEW_PASSWORD)
        texts = [person.page.text]
        person.open("/recovery/")
        for typed in ({"identifier": name}, {"problem": "forgot"}, {"method": "email"}, {"address": name}):
            person.submit(**typed)
            texts.append(person.page.text)
        seen.append([re.sub(r"(code|message) [A-Z]\d|\d\d:\d\d", "…", text.replace(name, "…")) for text in texts])
    assert seen[0] == seen[1]
    assert not post_office()


@pytest.mark.parametrize("step", ["/recovery/problem/", "/recovery/method/", "/recovery/unlock/", "/recovery/factor/"])
def test_an_activation_is_good_for_nothing_else(link, step):
    person = Person()
    person.open(link)
    person.submit()
    assert person.open(step).name == "recovery-new-password"
    token = person.page.parsed.fields["csrfmiddlewaretoken"][0]
    for chosen in ({"problem": "forgot"}, {"method": "email"}, {"finish": "1"}, {"code": "12345678"}):
        person.post(step, {"csrfmiddlewaretoken": token, **chosen})
    assert person.open("/recovery/").name == "recovery-new-password"
    assert not Credential.objects.exists()


def test_the_problem_of_an_activation_cannot_be_chosen(jane):
    person = Person()
    person.open("/recovery/")
    person.submit(identifier="jane")
    assert person.submit(problem="activation").name == "recovery-problem"


@pytest.mark.parametrize(
    "change",
    ["user", "ciphertext", "role", "expires_at", "generation", "seal"],
)
def test_an_invitation_that_was_written_past_the_program_activates_nothing(link, change):
    """AD-12: pointed at somebody's account, or at another mailbox, given a role, or more time."""
    jane = make_person()
    values = {
        "user": jane.pk,
        "ciphertext": "t2.AAAA",
        "role": Role.Name.ADMINISTRATOR,
        "expires_at": timezone.now() + timedelta(days=365),
        "generation": 7,
        "seal": "t2.AAAA",
    }
    Invitation.objects.update(**{change: values[change]})
    User.objects.filter(pk=jane.pk).update(status=User.Status.INVITED)
    assert is_dead(link)
    assert Credential.objects.get(user=jane).version == 1


def test_an_account_that_was_ever_used_cannot_be_made_an_invited_one(link):
    activate(Person(), link)
    User.objects.update(status=User.Status.INVITED)
    Invitation.objects.update(activated_at=None)
    assert is_dead(link)
    assert Credential.objects.get(user=kim()).version == 1


def test_a_claim_that_was_written_past_the_program_does_not_become_the_address(link):
    """The letter's address is what is verified, whatever became of the account's column meanwhile."""
    User.objects.filter(email_key=EMAIL).update(email="mallory@example.org")
    activate(Person(), link)
    assert kim().email == EMAIL
    assert not Invitation.objects.exclude(ciphertext="").exists()


def test_an_existing_account_is_not_invited(jane):
    for guest in (Guest(email="JANE@contoso.example"), Guest(email="new@contoso.example", username="Jane")):
        with pytest.raises(invitations.NotInvited) as refused:
            invitations.invite(guest, by=None, policy=policy(), now=timezone.now())
        assert refused.value.refusal == invitations.Refusal.TAKEN
    assert not mail.outbox
    assert User.objects.count() == 1


def test_nobody_but_the_operator_invites_an_administrator(jane):
    with pytest.raises(ValueError, match="cannot invite"):
        invitations.invite(
            Guest(email=EMAIL), by=jane.pk, role=Role.Name.ADMINISTRATOR, policy=policy(), now=timezone.now()
        )


def test_an_activation_replaces_nothing(jane):
    with pytest.raises(ValueError, match="replace nothing"):
        Proof(
            user=jane.pk,
            kind="password",
            replaces=1,
            earned=Earned.ACTIVATION,
            source=jane.pk,
            expires_at=timezone.now(),
        )
    first = Proof(
        user=jane.pk,
        kind="password",
        replaces=0,
        earned=Earned.ACTIVATION,
        source=jane.pk,
        expires_at=timezone.now() + timedelta(minutes=1),
    )
    with pytest.raises(credentials.ProofStale):
        credentials.write_password(first, NEW_PASSWORD, now=timezone.now())
    drop_guards()
    with pytest.raises(credentials.ProofStale):
        credentials.write_password(first, NEW_PASSWORD, now=timezone.now())


# --- Commands ---------------------------------------------------------------------------------------------


def test_the_first_administrator_is_invited_by_command(db, capsys):
    call_command("bootstrap_admin", EMAIL, "--username", "kim")
    said = capsys.readouterr().out
    assert f"A letter to {EMAIL} is on its way" in said
    assert "second factor" in said
    (letter,) = post_office()
    assert not roles.administrators()
    activate(person := Person(), link_in(letter))
    assert "You are an administrator" in person.page
    assert roles.administrators() == {kim().pk}
    with pytest.raises(CommandError, match="There is an administrator"):
        call_command("bootstrap_admin", "other@contoso.example")


def test_the_first_administrator_is_invited_once(db):
    call_command("bootstrap_admin", EMAIL)
    with pytest.raises(CommandError, match="invited already"):
        call_command("bootstrap_admin", "other@contoso.example")
    with pytest.raises(CommandError, match="no open invitation of somebody"):
        call_command("invite", "--again", EMAIL)
    call_command("bootstrap_admin", "--again", EMAIL)
    call_command("cancel_invitation", EMAIL)
    call_command("bootstrap_admin", "other@contoso.example")


@pytest.mark.parametrize(
    ("email", "options", "says"),
    [
        ("nobody", [], "is not an e-mail address"),
        ("jane@contoso.example", [], "There is an account with this address"),
        (EMAIL, ["--username", "JANE"], "There is an account with this address or user name"),
        (EMAIL, ["--name", "x" * 300], "too long"),
        (EMAIL, ["--username", "a\x00b"], "characters that none has"),
        (EMAIL, ["--again"], "no open invitation"),
    ],
)
def test_a_refusal_says_why_and_changes_nothing(jane, email, options, says):
    with pytest.raises(CommandError, match=re.escape(says)):
        call_command("invite", email, *options)
    assert not Invitation.objects.exists()
    assert User.objects.count() == 1


def test_inviting_twice_tells_how_to_send_it_again(db, capsys):
    call_command("invite", EMAIL)
    with pytest.raises(CommandError, match=re.escape(f"invite --again {EMAIL}")):
        call_command("invite", EMAIL)
    call_command("invite", "--again", EMAIL)
    assert Invitation.objects.get().generation == 2


def test_without_a_page_for_them_nobody_is_invited(db, settings):
    settings.IDP_PLUGINS = []
    with pytest.raises(CommandError, match="IDP_PLUGINS"):
        call_command("invite", EMAIL)
