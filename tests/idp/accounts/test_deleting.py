"""The end of an account at its owner's wish: what goes, what stays, who hears of it, and who cannot."""

import threading
from datetime import timedelta

import pytest
from django.core import mail
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.utils import timezone, translation

from idp import delivery, notices, tidying
from idp.accounts import credentials, devices, importing, lifecycle, reauthentication, roles, sessions, tombstones
from idp.audit.events import Origin
from idp.channels import addresses
from idp.conf import policy
from idp.factors import enrolment
from idp.models import (
    AuditEntry,
    Consent,
    Credential,
    Device,
    Grant,
    Message,
    PendingSignIn,
    RecoveryAddress,
    Role,
    SignIn,
    Tombstone,
    User,
)
from tests.conftest import make_client, make_person, tell_of_registration
from tests.story import post_office

HERE = Origin(device="Firefox, Linux", network="192.0.2.0/24", place="Lyon, France")


def sign_in(user, *, at=None):
    return sessions.begin(user, amr=["pwd"], origin=HERE, policy=policy(), now=at or timezone.now()).sign_in


def delete(user, *, here=None):
    return lifecycle.delete_own(here or sign_in(user), policy=policy(), origin=HERE, now=timezone.now())


def administrator(user):
    with transaction.atomic():
        return roles.grant(user.pk, Role.Name.ADMINISTRATOR, by=None, now=timezone.now())


def kinds():
    return list(AuditEntry.objects.order_by("sequence").values_list("name", flat=True))


@pytest.fixture
def lived_in(db):
    """Jane, with something of everything."""
    jane = make_person(locale="fr", claims={"given_name": "Jane"}, groups=["staff"], addresses=["jane@contoso.example"])
    now = timezone.now()
    here = sign_in(jane)
    elsewhere = sign_in(jane)
    with transaction.atomic():
        devices.seen(jane.pk, "a key of her browser", None, origin=HERE, now=now)
    shop = make_client("shop", backchannel_logout_uri="https://shop.example/logout")
    tell_of_registration(shop)
    Consent.objects.create(user=jane, client=shop, scopes=["openid"], given_at=now)
    Grant.objects.create(
        client=shop,
        user=jane,
        sign_in=elsewhere,
        scope="openid offline_access",
        sub=jane.sub,
        nonce="n",
        code_redeemed_at=now,
    )
    return here


def test_nothing_that_says_who_it_was_is_left_on_the_account(lived_in):
    before = User.objects.get()
    delete(before, here=lived_in)
    after = User.objects.get()
    assert after.status == User.Status.DELETED
    assert not after.may_sign_in
    said = " ".join(map(str, User.objects.values_list().get()))
    for word in ("jane", "Jane", "contoso", "staff", before.sub):
        assert word not in said
    rows = SignIn.objects.values_list("device", "network", "place", "ended_by")
    assert set(rows) == {("", "", "", "deleted")}
    assert not Credential.objects.exists()
    assert not Device.objects.exists()
    assert not Consent.objects.exists()
    assert not PendingSignIn.objects.exists()
    assert Grant.objects.get().ended_by == "deleted"


def test_the_history_stays_and_names_nobody(lived_in):
    delete(lived_in.user, here=lived_in)
    assert kinds()[-2:] == ["idp.sessions.ended", "idp.account.deleted"]
    assert AuditEntry.objects.get(name="idp.sessions.ended").details == {
        "sign_ins": 2,
        "grants": 1,
        "reason": "deleted",
    }
    said = " ".join(f"{entry.details} {entry.origin}" for entry in AuditEntry.objects.all())
    assert "jane" not in said.casefold()
    call_command("verify_audit")


def test_applications_are_told(lived_in):
    told = delete(lived_in.user, here=lived_in)
    assert told == lifecycle.Deleted(applications_told=1, addresses_told=notices.Told(email=1))
    message = Message.objects.get(kind="idp.backchannel_logout")
    assert message.facts == {"grant": str(Grant.objects.get().pk)}


# --- The last letter --------------------------------------------------------------------------------------


def test_the_last_letter_arrives_in_the_persons_language_and_then_the_address_goes(lived_in):
    with translation.override("en"):
        delete(lived_in.user, here=lived_in)
    assert User.objects.get().locale == ""
    tidying.sweep(timezone.now())
    assert RecoveryAddress.objects.exists(), "the letter is still on its way"
    post_office()
    letter = mail.outbox[-1]
    assert letter.to == ["jane@contoso.example"]
    assert letter.subject == "Votre compte Contoso a été supprimé"
    assert "Firefox, Linux" in letter.body
    assert "sign-in" not in letter.body, "there is no way back to lead to"
    assert tidying.sweep(timezone.now())["addresses"] == 1
    assert not RecoveryAddress.objects.exists()


@pytest.mark.parametrize("language", ["en", "fr", "zh-hans"])
def test_the_last_letter_is_written_in_every_language(lived_in, language):
    User.objects.update(locale=language)
    lived_in.user.refresh_from_db()
    delete(lived_in.user, here=lived_in)
    post_office()
    with translation.override(language):
        assert mail.outbox[-1].subject == translation.gettext("Your %(org)s account was deleted") % {"org": "Contoso"}
    assert len({*mail.outbox[-1].alternatives}) == 1


def test_an_address_that_nobody_reaches_goes_after_two_days(lived_in, settings):
    settings.EMAIL_PROVIDERS = addresses.read("smtp://127.0.0.1:1")
    delete(lived_in.user, here=lived_in)
    message = Message.objects.get(kind=notices.ACCOUNT_DELETED)
    assert delivery.deliver(message.pk, now=timezone.now()) == "delayed"
    assert tidying.sweep(timezone.now())["addresses"] == 0
    late = timezone.now() + timedelta(days=2, minutes=1)
    assert delivery.deliver(message.pk, now=late) == "nothing to do"
    assert tidying.sweep(late)["addresses"] == 1


def test_the_addresses_of_living_accounts_stay(jane):
    assert tidying.sweep(timezone.now())["addresses"] == 0
    assert RecoveryAddress.objects.count() == 1


# --- Who cannot -------------------------------------------------------------------------------------------


def test_only_a_fresh_sign_in_can(jane):
    stale = sign_in(jane, at=timezone.now() - policy().step_up)
    with pytest.raises(reauthentication.NotFresh):
        delete(jane, here=stale)
    assert User.objects.get().status == User.Status.ACTIVE


def test_twice_is_as_good_as_once(lived_in):
    delete(lived_in.user, here=lived_in)
    assert delete(lived_in.user, here=lived_in) == lifecycle.Deleted()
    assert kinds().count("idp.account.deleted") == 1
    assert Message.objects.filter(kind=notices.ACCOUNT_DELETED).count() == 1


@pytest.mark.parametrize("status", ["suspended", "frozen", "invited"])
def test_an_account_that_may_not_sign_in_is_not_deleted_by_its_session(jane, status):
    here = sign_in(jane)
    User.objects.update(status=status)
    assert delete(jane, here=here) == lifecycle.Deleted()
    assert User.objects.get().status == status
    assert Credential.objects.exists()


def test_the_database_erases_no_living_account(jane):
    with pytest.raises(IntegrityError), transaction.atomic():
        credentials.erase(jane.pk)
    assert Credential.objects.exists()


def test_the_last_administrator_stays(jane):
    administrator(jane)
    assert delete(jane) == lifecycle.LastAdministrator()
    assert Credential.objects.exists()
    john = make_person("john", email="john@contoso.example")
    administrator(john)
    User.objects.filter(pk=john.pk).update(status="suspended")
    assert delete(jane) == lifecycle.LastAdministrator(), "nobody who is suspended administers anything"
    User.objects.filter(pk=john.pk).update(status="active")
    assert isinstance(delete(jane), lifecycle.Deleted)
    assert [role.user_id for role in Role.objects.filter(ended_at=None)] == [john.pk]
    assert AuditEntry.objects.get(name="idp.role.ended").details == {"role": "administrator", "by": None}
    assert delete(john) == lifecycle.LastAdministrator()


def test_a_role_written_past_the_program_is_no_second_administrator(jane):
    administrator(jane)
    john = make_person("john", email="john@contoso.example")
    Role.objects.create(user=john, name=Role.Name.ADMINISTRATOR, granted_at=timezone.now(), seal="t2.made-up")
    assert delete(jane) == lifecycle.LastAdministrator()


def test_of_the_last_two_administrators_who_leave_at_once_one_stays(transactional_db):
    people = [make_person(name, email=f"{name}@contoso.example") for name in ("jane", "john")]
    for each in people:
        administrator(each)
    here = [sign_in(each) for each in people]
    start, outcomes = threading.Barrier(2), []

    def leave(sign_in):
        start.wait()
        try:
            outcomes.append(lifecycle.delete_own(sign_in, policy=policy(), origin=HERE, now=timezone.now()))
        finally:
            connection.close()

    threads = [threading.Thread(target=leave, args=(each,)) for each in here]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Deleted", "LastAdministrator"]
    assert User.objects.filter(status="active").count() == 1


# --- Nobody gets its names again --------------------------------------------------------------------------


def load(**claims):
    import json

    line = json.dumps({"email_verified": True, **claims}).encode()
    [(_number, outcome)] = importing.load([(1, line)], totp=enrolment.imported_totp, now=timezone.now())
    return outcome


@pytest.mark.parametrize(
    ("claims", "what"),
    [
        ({"preferred_username": "jane", "email": "other@contoso.example"}, "user name"),
        ({"preferred_username": "ＪＡＮＥ ", "email": "other@contoso.example"}, "user name"),
        ({"preferred_username": "other", "email": "JANE@contoso.example"}, "email"),
        ({"preferred_username": "jane@contoso.example", "email": "other@contoso.example"}, "user name"),
    ],
)
def test_an_import_does_not_give_them_to_anybody(jane, claims, what):
    delete(jane)
    outcome = load(**claims)
    assert outcome == importing.Refused(f"This {what} was that of a deleted account; it is not given again.")
    assert User.objects.count() == 1


def test_other_names_are_given_as_ever(jane):
    delete(jane)
    assert isinstance(load(preferred_username="jane2", email="jane2@contoso.example"), importing.Loaded)


def test_a_subject_is_never_given_again(jane, monkeypatch):
    before = jane.sub
    delete(jane)
    drawn = iter([before, before, "a fresh one"])
    monkeypatch.setattr(tombstones, "new_sub", lambda: next(drawn))
    load(preferred_username="john", email="john@contoso.example")
    assert User.objects.get(preferred_username="john").sub == "a fresh one"


def test_a_tombstone_names_nobody(jane):
    delete(jane)
    said = " ".join(Tombstone.objects.values_list("digest", flat=True))
    assert Tombstone.objects.count() == 3
    for word in ("jane", "contoso", jane.sub):
        assert word not in said
