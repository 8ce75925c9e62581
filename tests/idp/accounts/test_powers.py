"""What an administrator may do to an account: what happens, what stays, who hears of it, and what is refused."""

import json
import threading

import pytest
from django.core import mail
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone, translation

from idp.accounts import freezes, intruders, powers, roles, sessions
from idp.accounts.powers import Done, Order, Refusal
from idp.audit.events import Origin
from idp.conf import policy
from idp.models import AuditEntry, Credential, Grant, Message, Role, SignIn, Tombstone, User
from tests.conftest import make_client, make_person, tell_of_registration
from tests.idp.console.people import appoint
from tests.story import post_office

HERE = Origin(device="Firefox, Linux", network="192.0.2.0/24", place="Lyon, France")
Status = User.Status


def everybody_is_ready(_user):
    return True


def only(*ready):
    """As a plug-in tells it: these could get back in by themselves."""
    return lambda user: user in {each.pk for each in ready}


def nothing(_user):
    """What a plug-in has under way."""


def order(by):
    return Order(by=by.pk, reason="security", origin=HERE, now=timezone.now())


def administrator(name):
    user = make_person(name, email=f"{name}@contoso.example")
    appoint(user)
    return user


@pytest.fixture
def three(db):
    return [administrator(name) for name in ("ada", "ben", "cleo")]


@pytest.fixture
def ada(three):
    return three[0]


@pytest.fixture
def jane(three):
    return make_person(locale="fr")


def suspend(user, by, *, is_ready=everybody_is_ready, then=nothing):
    return powers.suspend(user.pk, order(by), is_ready=is_ready, then=then)


def delete(user, by, *, is_ready=everybody_is_ready):
    return powers.delete(user.pk, order(by), is_ready=is_ready)


def demote(user, by, *, is_ready=everybody_is_ready):
    return powers.demote(user.pk, order(by), is_ready=is_ready)


def require_recovery(user, by, *, is_ready=everybody_is_ready):
    return powers.require_recovery(user.pk, order(by), is_ready=is_ready)


#: Each power, as `power(user, by)`.
POWERS = {
    "suspend": suspend,
    "require a recovery": require_recovery,
    "lift": lambda user, by: powers.lift(user.pk, order(by)),
    "end sessions": lambda user, by: powers.end_sessions(user.pk, order(by)),
    "delete": delete,
    "demote": demote,
}
every_power = pytest.mark.parametrize("power", POWERS.values(), ids=POWERS)
#: Those after which somebody administers nothing any more.
TAKING = {name: POWERS[name] for name in ("suspend", "delete", "demote")}
every_taking = pytest.mark.parametrize("power", TAKING.values(), ids=TAKING)


def entries(*names):
    return list(AuditEntry.objects.filter(name__in=names).order_by("sequence"))


def status(user):
    return User.objects.values_list("status", flat=True).get(pk=user.pk)


def signed_in(user):
    """A session, and a grant of an application that wants to hear of its end."""
    now = timezone.now()
    sign_in = sessions.begin(user, amr=["pwd"], origin=HERE, policy=policy(), now=now).sign_in
    shop = make_client("shop", backchannel_logout_uri="https://shop.example/logout")
    tell_of_registration(shop)
    Grant.objects.create(
        client=shop,
        user=user,
        sign_in=sign_in,
        scope="openid offline_access",
        sub=user.sub,
        nonce="n",
        code_redeemed_at=now,
    )
    return sign_in


# --- Suspending and lifting -------------------------------------------------------------------------------


def test_a_suspension_ends_everything_and_nothing_of_theirs_changes(ada, jane):
    signed_in(jane)
    let_go = []
    before = list(Credential.objects.filter(user=jane).values())
    assert suspend(jane, ada, then=let_go.append) == Done(sign_ins=1, applications=1, addresses=1)
    assert status(jane) == Status.SUSPENDED
    assert let_go == [jane.pk]
    assert SignIn.objects.get().ended_by == Grant.objects.get().ended_by == "suspended"
    assert list(Credential.objects.filter(user=jane).values()) == before
    assert Message.objects.filter(kind="idp.backchannel_logout").count() == 1


def test_the_history_says_who_suspended_it_and_why(ada, jane):
    suspend(jane, ada)
    [entry] = entries("idp.account.suspended")
    assert (entry.user, entry.details) == (jane.pk, {"was": "active", "by": str(ada.pk), "reason": "security"})
    powers.lift(jane.pk, order(ada))
    [entry] = entries("idp.account.suspension_lifted")
    assert entry.details == {"becomes": "active", "by": str(ada.pk), "reason": "security"}
    call_command("verify_audit")


@pytest.mark.parametrize("was", [Status.ACTIVE, Status.STOPPED])
def test_a_suspension_that_is_lifted_leaves_what_was_before(ada, jane, was):
    if was == Status.STOPPED:
        with transaction.atomic():
            intruders.stop(jane.pk, source=jane.pk, origin=HERE, now=timezone.now())
    suspend(jane, ada)
    assert status(jane) == Status.SUSPENDED
    assert isinstance(powers.lift(jane.pk, order(ada)), Done)
    assert status(jane) == was
    assert User.objects.get(pk=jane.pk).status_before == ""


def test_what_its_owner_froze_stays_frozen(ada, jane):
    freezes.freeze(jane.pk, event=jane.pk, policy=policy(), origin=HERE, now=timezone.now(), then=nothing)
    suspend(jane, ada)
    powers.lift(jane.pk, order(ada))
    assert User.objects.get(pk=jane.pk).frozen_at is not None


@pytest.mark.parametrize("other", [each for each in Status if each != Status.SUSPENDED])
def test_only_a_suspension_is_lifted(ada, jane, other):
    User.objects.filter(pk=jane.pk).update(status=other, status_before=Status.ACTIVE)
    assert powers.lift(jane.pk, order(ada)) == Refusal.NOT_SO
    assert status(jane) == other


@pytest.mark.parametrize("other", [Status.INVITED, Status.SUSPENDED, Status.FROZEN, Status.DELETED])
def test_what_nobody_gets_into_anyway_keeps_its_own_reason(ada, jane, other):
    User.objects.filter(pk=jane.pk).update(status=other)
    assert suspend(jane, ada) == Refusal.NOT_SO
    assert status(jane) == other
    assert not entries("idp.account.suspended")


def test_an_account_that_was_suspended_before_this_was_kept_becomes_active(ada, jane):
    User.objects.filter(pk=jane.pk).update(status=Status.SUSPENDED)
    powers.lift(jane.pk, order(ada))
    assert status(jane) == Status.ACTIVE


# --- The others -------------------------------------------------------------------------------------------


def test_ending_sessions_leaves_the_account_open(ada, jane):
    signed_in(jane)
    assert powers.end_sessions(jane.pk, order(ada)) == Done(sign_ins=1, applications=1, addresses=1)
    assert status(jane) == Status.ACTIVE
    [entry] = entries("idp.sessions.ended_by_administrator")
    assert entry.details == {"sign_ins": 1, "grants": 1, "by": str(ada.pk), "reason": "security"}


@pytest.mark.parametrize("was", [Status.ACTIVE, Status.SUSPENDED, Status.STOPPED, Status.FROZEN])
def test_a_deleted_account_names_nobody_and_nobody_gets_its_names(ada, jane, was):
    User.objects.filter(pk=jane.pk).update(status=was)
    signed_in(jane)
    assert delete(jane, ada) == Done(applications=1, addresses=1)
    after = User.objects.get(pk=jane.pk)
    assert after.status == Status.DELETED
    assert "jane" not in " ".join(map(str, User.objects.filter(pk=jane.pk).values_list().get())).casefold()
    assert not Credential.objects.filter(user=jane).exists()
    assert Tombstone.objects.count() == 3
    [removed] = entries("idp.account.removed")
    assert removed.details == {"by": str(ada.pk), "reason": "security"}
    assert not entries("idp.account.deleted"), "that was its owner's wish"
    call_command("verify_audit")


@pytest.mark.parametrize("other", [Status.INVITED, Status.DELETED])
def test_an_invitation_is_not_deleted_and_nothing_is_deleted_twice(ada, jane, other):
    User.objects.filter(pk=jane.pk).update(status=other)
    assert delete(jane, ada) == Refusal.NOT_SO
    assert Credential.objects.filter(user=jane).exists()
    assert not Tombstone.objects.exists()


def test_a_role_ends_at_once_and_says_who_ended_it(three):
    ada, ben, _cleo = three
    administrator("dora")
    assert isinstance(demote(ben, ada), Done)
    assert not roles.is_administrator(ben.pk)
    [ended] = entries("idp.role.ended")
    assert ended.details == {"role": "administrator", "by": str(ada.pk)}
    [why] = entries("idp.role.withdrawn")
    assert (why.user, why.details) == (ben.pk, {"by": str(ada.pk), "reason": "security"})
    assert demote(ben, ada) == Refusal.NOT_SO


# --- Who may, and to whom ---------------------------------------------------------------------------------


@every_power
def test_nobody_acts_on_themselves(ada, power):
    assert power(ada, ada) == Refusal.OWN
    assert status(ada) == Status.ACTIVE
    assert roles.is_administrator(ada.pk)


@every_power
@pytest.mark.parametrize("how", ["never was one", "demoted", "suspended", "forged"])
def test_who_administers_nothing_does_nothing(three, jane, power, how):
    mallory = make_person("mallory", email="mallory@contoso.example")
    if how == "forged":
        Role.objects.create(user=mallory, name=Role.Name.ADMINISTRATOR, granted_at=timezone.now(), seal="t2:forged")
    elif how != "never was one":
        appoint(mallory)
    if how == "demoted":
        Role.objects.filter(user=mallory).update(ended_at=timezone.now())
    if how == "suspended":
        User.objects.filter(pk=mallory.pk).update(status=Status.SUSPENDED)
    before = list(User.objects.order_by("pk").values())
    assert power(jane, mallory) == Refusal.POWERLESS
    assert list(User.objects.order_by("pk").values()) == before
    assert not Message.objects.exists()


@every_power
def test_for_an_account_that_there_is_not_nothing_is_done(ada, power):
    assert power(User(), ada) == Refusal.NOT_SO


# --- The last two -----------------------------------------------------------------------------------------


@every_taking
def test_of_two_administrators_both_stay(three, power):
    ada, ben, cleo = three
    User.objects.filter(pk=cleo.pk).update(status=Status.SUSPENDED)
    assert power(ben, ada) == Refusal.LAST_TWO
    assert status(ben) == Status.ACTIVE
    assert roles.is_administrator(ben.pk)


@pytest.mark.parametrize("name", TAKING)
def test_of_two_who_could_get_back_in_both_stay(three, name):
    ada, ben, cleo = three
    power = TAKING[name]
    assert power(ben, ada, is_ready=only(ada, ben)) == Refusal.LAST_TWO
    assert status(ben) == Status.ACTIVE
    assert roles.is_administrator(ben.pk)
    # Who could not get back in is none of these two.
    assert isinstance(power(cleo, ada, is_ready=only(ada, ben)), Done)


@pytest.mark.parametrize("name", TAKING)
def test_of_three_who_could_get_back_in_one_may_go(three, name):
    ada, ben, _cleo = three
    assert isinstance(TAKING[name](ben, ada, is_ready=everybody_is_ready), Done)


@pytest.mark.parametrize("name", TAKING)
def test_a_suspended_or_frozen_administrator_counts_for_nobody(three, name):
    ada, ben, cleo = three
    User.objects.filter(pk=cleo.pk).update(frozen_at=timezone.now())
    assert TAKING[name](ben, ada) == Refusal.LAST_TWO
    assert isinstance(TAKING[name](cleo, ada), Done), "who is no use to anybody may go"


def test_ending_the_sessions_of_an_administrator_takes_nothing_away(three):
    ada, ben, cleo = three
    User.objects.filter(pk=cleo.pk).update(status=Status.SUSPENDED)
    assert isinstance(powers.end_sessions(ben.pk, order(ada)), Done)


@pytest.mark.parametrize("name", TAKING)
def test_of_three_administrators_who_let_go_of_each_other_at_once_two_stay(transactional_db, name):
    """Each of three acts on the next one: whoever is first is done, and nobody else."""
    three = [administrator(each) for each in ("ada", "ben", "cleo")]
    start, outcomes = threading.Barrier(3), []

    def act(by, user):
        start.wait()
        try:
            outcomes.append(TAKING[name](user, by))
        finally:
            connection.close()

    threads = [threading.Thread(target=act, args=(by, three[(place + 1) % 3])) for place, by in enumerate(three)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 3
    assert [isinstance(each, Done) for each in outcomes].count(True) == 1
    with transaction.atomic():
        assert len(roles.hold_administrators()) == 2


# --- Who hears of it --------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "fr", "zh-hans"])
@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("suspend", "Your %(org)s account was suspended"),
        ("lift", "Your %(org)s account is no longer suspended"),
        ("end sessions", "You were signed out of your %(org)s account everywhere"),
        ("delete", "Your %(org)s account was deleted"),
    ],
)
def test_the_person_reads_it_in_their_language(ada, jane, name, subject, language):
    User.objects.filter(pk=jane.pk).update(
        locale=language, status=Status.SUSPENDED if name == "lift" else Status.ACTIVE
    )
    jane.refresh_from_db()
    POWERS[name](jane, ada)
    [letter] = post_office()
    assert letter.to == ["jane@contoso.example"]
    with translation.override(language):
        assert letter.subject == translation.gettext(subject) % {"org": "Contoso"}
    for secret in ("Firefox", "Lyon", "192.0.2", "ada", "recovery/stop"):
        assert secret not in letter.body, "where the administrator sat is nothing for a letter"
    assert "If this was you" not in letter.body
    assert {*letter.alternatives}


@every_taking
def test_the_other_administrators_are_told_that_there_is_one_less(three, power):
    ada, ben, _cleo = three
    power(ben, ada)
    told = {letter.to[0]: letter for letter in post_office()}
    assert set(told) == {f"{name}@contoso.example" for name in ("ada", "ben", "cleo")}
    for name in ("ada", "cleo"):
        assert told[f"{name}@contoso.example"].subject == "Contoso has one administrator less"
        assert "Ben Doe" in told[f"{name}@contoso.example"].body
    assert len(mail.outbox) == 3


def test_nobody_else_hears_of_somebody_who_is_none(ada, jane):
    suspend(jane, ada)
    assert [letter.to for letter in post_office()] == [["jane@contoso.example"]]


def test_no_address_stands_in_the_history(three, jane):
    ada, ben, _cleo = three
    administrator("dora")
    suspend(jane, ada)
    delete(jane, ada)
    demote(ben, ada)
    said = json.dumps([[entry.details, entry.origin] for entry in AuditEntry.objects.all()])
    assert "@" not in said
    assert "jane" not in said


# --- Requiring a recovery ---------------------------------------------------------------------------------


def test_a_required_recovery_ends_all_and_is_said(jane, ada):
    signed_in(jane)
    done = require_recovery(jane, ada)
    assert isinstance(done, Done)
    assert (done.sign_ins, done.applications, done.addresses) == (1, 1, 1)
    assert status(jane) == Status.STOPPED
    (entry,) = entries("idp.account.recovery_required")
    assert (entry.user, entry.details["by"], entry.details["reason"]) == (jane.pk, str(ada.pk), "security")
    letter = post_office()[-1]
    assert "Retrouvez" in letter.subject or "compte" in letter.subject


def test_nobody_lifts_it(jane, ada):
    require_recovery(jane, ada)
    assert powers.lift(jane.pk, order(ada)) == Refusal.NOT_SO
    assert status(jane) == Status.STOPPED


def test_it_is_not_required_of_somebody_who_could_not_do_it(jane, ada):
    assert require_recovery(jane, ada, is_ready=only(ada)) == Refusal.NO_WAY_BACK
    assert status(jane) == Status.ACTIVE
    assert not entries("idp.account.recovery_required")


@pytest.mark.parametrize("other", [each for each in Status if each != Status.ACTIVE])
def test_it_is_required_of_active_accounts_only(jane, ada, other):
    User.objects.filter(pk=jane.pk).update(status=other)
    assert require_recovery(jane, ada) == Refusal.NOT_SO
    assert status(jane) == other
