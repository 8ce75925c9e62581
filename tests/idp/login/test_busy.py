"""More sign-ins than can be hashed: what people are told, and what it must not cost them."""

import pytest

from idp import hashing
from idp.middleware import SecurityHeaders
from idp.models import SignIn
from tests.conftest import PASSWORD, make_person
from tests.full import full_pool
from tests.idp.login.test_sign_in import sign_in
from tests.journeys.test_forgotten_password import authorization_request
from tests.photographs import photograph
from tests.story import Person


@pytest.fixture
def person(jane):
    return Person()


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "this does not count as a try"),
        ("fr", "ne compte pas comme une tentative"),
        ("zh-hans", "不计入尝试次数"),
    ],
)
def test_it_is_said_in_plain_words_when_to_come_again(person, language, said):
    person.open(f"/sign-in?lang={language}")
    with full_pool():
        page = person.submit(username="jane", password=PASSWORD)
    assert (page.status, page.name) == (503, "busy")
    assert page.response["Retry-After"] == "5"
    assert page.response["Cache-Control"] == "no-store"
    assert said in page


def test_the_name_that_was_typed_comes_back_and_the_password_does_not(person):
    typed = """jane"><b>-token-' &"""
    person.open("/sign-in")
    with full_pool():
        page = person.submit(username=typed, password=PASSWORD)
        assert PASSWORD not in page.response.content.decode()
        assert b"<b>" not in page.response.content
        page = person.submit(again="1")
    assert (page.status, page.name) == (200, "sign-in")
    assert page.parsed.ids["username"]["value"] == typed
    assert page.parsed.ids["password"].get("value") is None


def test_somebody_who_comes_again_lands_where_they_wanted_to_go(person, payroll):
    person.open(authorization_request())
    with full_pool():
        assert person.submit(username="jane", password=PASSWORD).status == 503
        page = person.submit(again="1")
    assert "Payroll" in page
    person.submit(username="jane", password=PASSWORD)
    assert "code" in person.landed[1]


def test_a_try_that_nobody_judged_is_not_counted(person):
    """Not against the account, not against the name, not anywhere: no row is written or changed."""
    person.open("/sign-in")
    before = photograph()
    with full_pool():
        for _try in range(30):
            person.open("/sign-in")
            assert person.submit(username="jane", password="wrong").status == 503
        assert photograph() == before
    assert sign_in(person).name == "account"


def test_no_word_right_or_wrong_is_said_before_there_is_a_place(person):
    for _try in range(11):
        sign_in(person, password="wrong")
    with full_pool():
        assert sign_in(person, password="wrong").status == 503, "paused or not, everybody is told the same"
    assert sign_in(person).status == 429
    assert not SignIn.objects.exists()


def test_known_and_unknown_are_refused_with_the_same_words(person):
    make_person("frozen", email="frozen@contoso.example", status="frozen")
    pages = []
    for username in ("jane", "nobody", "frozen"):
        with full_pool():
            page = sign_in(person, username, "not this one, sadly")
        (token,) = page.parsed.fields["csrfmiddlewaretoken"]
        text = page.response.content.decode().replace(token, "*").replace(f'value="{username}"', "*")
        pages.append((page.status, sorted(page.response.headers.items()), text))
    assert pages[0] == pages[1] == pages[2]


def test_what_is_missing_is_said_without_a_place(person):
    with full_pool():
        assert "Enter your password" in sign_in(person, password="")


def test_pages_and_endpoints_that_never_hash_answer_as_ever(person):
    sign_in(person)
    with full_pool():
        assert person.open("/account/").name == "account"
        for path in ("/healthz", "/jwks", "/.well-known/openid-configuration"):
            assert person.http.get(path, secure=True).status_code == 200


def test_a_request_is_impatient_and_what_comes_after_it_in_this_thread_is_not(rf):
    seen = []
    SecurityHeaders(lambda _request: seen.append(hashing._impatient.get()) or rf_response())(rf.get("/"))
    assert (seen, hashing._impatient.get()) == ([True], False)


def rf_response():
    from django.http import HttpResponse

    return HttpResponse()
