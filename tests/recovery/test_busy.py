"""A new password is hashed in the same pool as everybody's: being refused there loses nothing that was proven."""

from recovery.domain.journey import Step
from tests.conftest import NEW_PASSWORD
from tests.full import full_pool
from tests.idp.login.test_sign_in import sign_in
from tests.photographs import photograph
from tests.recovery.walk import walk_to


def test_what_was_proven_is_still_proven_after_a_refusal(jane):
    person = walk_to(Step.NEW_PASSWORD)
    before = photograph()
    with full_pool():
        page = person.submit(new_password=NEW_PASSWORD)
        assert (page.status, page.name) == (503, "busy")
        assert page.response["Retry-After"] == "5"
        assert NEW_PASSWORD not in page.response.content.decode()
        assert photograph() == before
        # "Try again" leads to the same address.
        assert page.parsed.ids["try-again"]["href"] == ""
        assert person.open(person.page.url).name == "recovery-new-password"
    assert person.submit(new_password=NEW_PASSWORD).name == "recovery-done"
    assert sign_in(person, password=NEW_PASSWORD).name == "account"


def test_a_password_that_is_too_short_is_refused_with_its_reason_once_there_is_a_place(jane):
    person = walk_to(Step.NEW_PASSWORD)
    with full_pool():
        assert person.submit(new_password="short").status == 503
    person.open("/recovery/password/")
    assert "at least 15 characters" in person.submit(new_password="short").text
