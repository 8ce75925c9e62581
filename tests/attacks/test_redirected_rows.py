"""Rows that are not sealed, written by SQL: they move no code, prove nothing, and give nobody a way in."""

import json

import pytest
from django.core import mail
from django.db import connection

from idp.accounts import sealing
from idp.models import Credential, Message, RecoveryAddress, User
from recovery.domain.journey import Step
from recovery.models import Challenge, JourneyProof
from tests.attacks.prompt import db_id, sql
from tests.recovery.walk import key_of, letter, walk_to
from tests.story import Person, code_in, post_office


def test_no_code_goes_to_an_address_written_by_sql(jane, mallory, unguarded, caplog):
    """The attacker's address, found by its digest, in a row without our seal."""
    digest = sealing.address_digest("email", "mallory@evil.example")
    mine = RecoveryAddress.objects.get(user=mallory)
    sql(
        "UPDATE idp_recoveryaddress SET digest = %s, ciphertext = %s, version = 1, seal = %s WHERE user_id = %s",
        digest,
        mine.ciphertext,
        mine.seal,
        db_id(jane.pk),
    )
    walk_to(Step.CODE, address="mallory@evil.example")
    assert post_office() == []
    jane.refresh_from_db()
    assert jane.status == User.Status.FROZEN
    assert "credential.seal_invalid" in caplog.text


@pytest.mark.usefixtures("unguarded")
def test_no_code_goes_to_an_address_moved_over_from_another_account(jane, mallory):
    sql("UPDATE idp_recoveryaddress SET user_id = %s WHERE user_id = %s", db_id(jane.pk), db_id(mallory.pk))
    walk_to(Step.CODE, address="mallory@evil.example")
    assert post_office() == []
    jane.refresh_from_db()
    assert jane.status == User.Status.FROZEN


def test_a_message_pointed_at_another_address_is_not_sent(jane, mallory, caplog):
    """The outbox is not sealed; where a message goes is."""
    person = walk_to(Step.CODE)
    theirs = RecoveryAddress.objects.get(user=mallory)
    sql("UPDATE idp_message SET address_id = %s", db_id(theirs.pk))
    assert post_office() == []
    assert "message.redirected" in caplog.text
    sql("UPDATE idp_message SET state = 'waiting', user_id = %s", db_id(mallory.pk))
    assert post_office() == []
    assert person.open("/recovery/password/").name == "recovery-code"


REDIRECTIONS = {
    "a journey made the victim's": lambda jane, _mallory, _theirs: sql(
        "UPDATE recovery_journey SET subject = %s", db_id(jane.pk)
    ),
    "a journey and its messages made the victim's": lambda jane, _mallory, _theirs: (
        sql("UPDATE recovery_journey SET subject = %s", db_id(jane.pk)),
        sql("UPDATE idp_message SET user_id = %s", db_id(jane.pk)),
    ),
}


@pytest.mark.parametrize("when", ["before the letter", "after the letter"])
@pytest.mark.parametrize("how", REDIRECTIONS)
def test_a_code_read_by_the_attacker_proves_nothing_of_the_victim(jane, mallory, how, when):
    """Their own journey, with their own genuine address, is made the victim's while the code is on its way."""
    person = walk_to(Step.CODE, identifier="mallory", address="mallory@evil.example")
    theirs = RecoveryAddress.objects.get(user=mallory)
    if when == "after the letter":
        code = letter()
        REDIRECTIONS[how](jane, mallory, theirs)
    else:
        REDIRECTIONS[how](jane, mallory, theirs)
        letters = post_office()
        code = code_in(letters[-1]) if letters else "1234 5678"
    person.submit(code=code)
    assert person.page.name != "recovery-new-password"
    # One more code, now that the rows say what the attacker wants.
    person.open("/recovery/address/")
    for address in ("mallory@evil.example", "jane@contoso.example"):
        person.open("/recovery/address/")
        person.submit(address=address)
        sql("UPDATE recovery_challenge SET address = %s, address_version = 1", db_id(theirs.pk))
        sql("UPDATE idp_message SET address_id = %s WHERE state = 'waiting'", db_id(theirs.pk))
        for sent in post_office():
            person.submit(code=code_in(sent))
            assert person.page.name != "recovery-new-password"
    assert not JourneyProof.objects.filter(user=jane.pk).exists()
    assert {to for message in mail.outbox for to in message.to} <= {"mallory@evil.example"}


def test_a_challenge_pointed_at_the_attackers_address_sends_no_code_for_the_victim(jane, mallory):
    """Recovery of the victim's account, with an address that is nobody's; then the row says it is the attacker's."""
    person = walk_to(Step.CODE, address="somebody@else.example")
    theirs = RecoveryAddress.objects.get(user=mallory)
    sql("UPDATE recovery_challenge SET address = %s, address_version = 1", db_id(theirs.pk))
    sql("UPDATE idp_counter SET count = 0")
    person.submit(send_again="1")
    sent = post_office()
    for message in sent:
        person.submit(code=code_in(message))
    assert person.page.name == "recovery-code"
    assert Credential.objects.get(user=jane).version == 1
    assert sent == []


# --- Proofs and tries -------------------------------------------------------------------------------------


def test_a_code_does_not_stand_in_the_rows_it_is_derived_from(jane):
    walk_to(Step.CODE)
    code = letter().replace(" ", "")
    row = Challenge.objects.values().get()
    rows = json.dumps([{**row, "nonce": bytes(row["nonce"]).hex()}, *Message.objects.values()], default=str)
    for spelling in (code, code[::-1], f"{code[:4]} {code[4:]}", f"{int(code):x}", code.encode().hex()):
        assert spelling not in rows


def test_the_key_of_a_journey_is_not_in_the_database(jane):
    person = walk_to(Step.NEW_PASSWORD)
    with connection.cursor() as cursor:
        cursor.execute("SELECT browser_hash FROM recovery_journey")
        (stored,) = cursor.fetchone()
    assert key_of(person) != stored
    thief = Person(address="198.51.100.7")
    thief.http.cookies["__Host-regain-recovery"] = stored
    assert thief.open("/recovery/password/").name == "recovery-identify"
