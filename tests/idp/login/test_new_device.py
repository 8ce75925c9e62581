"""The notice about a browser that the account did not know: who gets it, in which language, and when there is none."""

import pytest
from django.core import mail

from idp.models import AuditEntry, Message, User
from tests.conftest import PASSWORD, make_person
from tests.idp.account.conftest import signed_in
from tests.story import Person, post_office

WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
)

WORDS = {
    "en": (
        "New sign-in to your Contoso account",
        "Somebody signed in from a browser that your account did not know.",
        "If it wasn't you",
        "Can't access your account?",
    ),
    "fr": (
        "Nouvelle connexion à votre compte Contoso",
        "navigateur",
        "Si ce n’était pas vous",
        "Vous ne pouvez pas accéder à votre compte ?",
    ),
    "zh-hans": ("你的 Contoso 帐户有新的登录", "浏览器", "如果不是你本人操作", "无法访问你的帐户?"),
}


@pytest.mark.parametrize("language", WORDS)
def test_every_address_hears_of_a_new_browser_in_its_owners_language(db, language):
    make_person(locale=language, addresses=["jane@contoso.example", "jane@home.example"])
    signed_in()
    assert post_office() == [], "the first browser of all is nobody's surprise"
    signed_in(device=WINDOWS, address="203.0.113.9")
    letters = post_office()
    assert sorted(letter.to[0] for letter in letters) == ["jane@contoso.example", "jane@home.example"]
    subject, *said = WORDS[language]
    for letter in letters:
        html = letter.alternatives[0][0]
        assert letter.subject == subject
        for words in said:
            assert words in letter.body
        assert said[0] in html
        assert "Chrome, Windows" in letter.body
        assert "Chrome, Windows" in html
        assert "https://id.contoso.example/sign-in" in letter.body


def test_without_a_language_of_their_own_it_speaks_that_of_the_page(jane):
    signed_in()
    other = Person(device=WINDOWS)
    other.open("/sign-in?lang=fr")
    other.submit(username="jane", password=PASSWORD)
    post_office()
    assert mail.outbox[-1].subject == WORDS["fr"][0]


def test_a_browser_that_is_known_is_not_told_of_again(jane):
    hers = signed_in()
    other = signed_in(device=WINDOWS)
    post_office()
    for person in (hers, other):
        person.open("/sign-in")
        person.submit(username="jane", password=PASSWORD)
    assert post_office() == []
    assert AuditEntry.objects.filter(name="idp.device.added").count() == 1


def test_a_forgotten_browser_is_told_of_as_a_new_one(jane):
    hers = signed_in()
    hers.open("/account/sessions/")
    hers.submit(forget=str(hers_device()))
    hers.open("/sign-in")
    hers.submit(username="jane", password=PASSWORD)
    [letter] = post_office()
    assert letter.subject == WORDS["en"][0]


def hers_device():
    return User.objects.get().devices.get().pk


def test_somebody_elses_known_browser_is_new_to_me(jane):
    make_person("john", email="john@contoso.example")
    signed_in(device=WINDOWS)
    shared = signed_in("john")
    shared.open("/sign-in")
    shared.submit(username="jane", password=PASSWORD)
    [letter] = post_office()
    assert letter.to == ["jane@contoso.example"]


def test_a_failed_try_from_a_new_browser_tells_nobody(jane):
    signed_in()
    stranger = Person(device=WINDOWS)
    stranger.open("/sign-in")
    stranger.submit(username="jane", password="wrong")
    assert not Message.objects.exists()
