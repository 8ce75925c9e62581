"""The language of messages: chosen, kept, told of, and spoken."""

import pytest

from idp.models import AuditEntry, User
from tests.idp.account.conftest import signed_in
from tests.story import post_office

PATH = "/account/language/"


def choose(person, language):
    person.open(PATH)
    return person.submit(language=language)


def test_messages_and_pages_speak_it_from_then_on(hers):
    page = choose(hers, "fr")
    assert User.objects.get().locale == "fr"
    assert hers.open("/account/").parsed.title == "Votre compte - Contoso"
    assert page.name == "account-language"
    signed_in(address="203.0.113.9")
    [letter] = post_office()
    assert letter.subject == "Nouvelle connexion à votre compte Contoso"


def test_it_is_audited_once(hers):
    choose(hers, "zh-hans")
    choose(hers, "zh-hans")
    entry = AuditEntry.objects.get(name="idp.account.language_chosen")
    assert entry.details == {"language": "zh-hans"}


def test_it_can_be_that_of_the_page(hers):
    choose(hers, "fr")
    before = User.objects.get().updated_at
    choose(hers, "page")
    assert User.objects.get().locale == ""
    assert User.objects.get().updated_at > before, "applications are told when a claim changed"


def test_the_chosen_one_is_marked(hers):
    hers.open(f"{PATH}?lang=en")
    page = hers.submit(language="en")
    assert "English Chosen" in page
    assert "Done." in page


@pytest.mark.parametrize("said", ["", "xx", "FR", "zh", "fr'--", "x" * 5000])
def test_a_language_there_is_not_changes_nothing(hers, said):
    choose(hers, said)
    assert User.objects.get().locale == ""
    assert not AuditEntry.objects.filter(name="idp.account.language_chosen").exists()
