"""How recovery works here: every number on the page is the policy's, and the page is the same for everybody."""

import ast
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from idp.conf import Limit as IdpLimit
from idp.conf import Policy
from recovery import in_words
from recovery.conf import policy
from recovery.domain.policy import FORGOT, Limit, OtpPolicy, RecoveryPolicy
from recovery.domain.ways import WAYS
from tests.hosted import LANGUAGES, Page, assert_sound
from tests.idp.console.people import appoint, at_a_browser
from tests.idp.factors.people import with_app
from tests.story import Person

HOW = "/recovery/how/"
EVERYTHING = RecoveryPolicy(methods=("email", "sms", "totp", "passkey", "recovery-code"))
#: Another value for each number. A field that is added gets its sentence, and one here.
OTHERWISE = {
    "work_after": Limit(count=23, per=timedelta(minutes=10)),
    "work_after_everywhere": Limit(count=323, per=timedelta(minutes=10)),
    "work_wait": timedelta(seconds=23),
    "waits_per_network": Limit(count=63, per=timedelta(hours=1)),
    "loosening_delay": timedelta(days=9),
    "problems": (FORGOT,),
    "methods": ("email",),
    "proofs_with_second_factor": 2,
    "proofs_without_second_factor": 1,
    "proofs_to_unlock": 2,
    "proofs_to_replace_a_factor": 3,
    "proofs_of_administrators": 3,
    "journey_lifetime": timedelta(minutes=47),
    "otp": OtpPolicy(digits=9),
    "resend": Limit(count=1, per=timedelta(seconds=77)),
    "wrong_codes_per_day": Limit(count=23, per=timedelta(days=1)),
    "long_codes_after": 14,
    "ways_wanted": 3,
    "skips": 4,
    "skip_within": timedelta(days=20),
    "reconfirm_after": timedelta(days=90),
    "starts_per_network": Limit(count=123, per=timedelta(hours=1)),
}
OTP_OTHERWISE = {
    "digits": 7,
    "lifetime": timedelta(minutes=7),
    "tries": 4,
    "live": 1,
    "longest_wait": timedelta(minutes=9),
    "sms_longest_wait": timedelta(minutes=3),
}
#: The provider's own numbers that matter to a recovery.
AROUND_OTHERWISE = {
    "address_quarantine": timedelta(days=6),
    "most_addresses": 4,
    "emails_per_hour": IdpLimit(count=8, per=timedelta(hours=1)),
    "emails_per_day": IdpLimit(count=18, per=timedelta(days=1)),
    "texts_per_hour": IdpLimit(count=8, per=timedelta(hours=1)),
    "texts_per_day": IdpLimit(count=18, per=timedelta(days=1)),
    "messages_per_account": IdpLimit(count=28, per=timedelta(days=1)),
    "messages_per_network": IdpLimit(count=308, per=timedelta(hours=1)),
    "texts_per_block": IdpLimit(count=28, per=timedelta(hours=1)),
}


def words(policy=EVERYTHING, around=None, *, language="en"):
    """Everything that administrators read, which begins with what everybody does."""
    around = around or Policy()
    with translation.override(language):
        sections = (*in_words.for_everybody(policy, around), *in_words.for_administrators(policy, around))
        return [sentence for section in sections for sentence in section.sentences]


# --- Every number is the policy's -------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", [each.name for each in fields(RecoveryPolicy)])
def test_each_number_of_the_policy_stands_in_a_sentence(name, language):
    changed = words(replace(EVERYTHING, **{name: OTHERWISE[name]}), language=language)
    assert changed != words(language=language)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", [each.name for each in fields(OtpPolicy)])
def test_each_number_of_codes_stands_in_a_sentence(name, language):
    changed = replace(EVERYTHING, otp=replace(EVERYTHING.otp, **{name: OTP_OTHERWISE[name]}))
    assert words(changed, language=language) != words(language=language)


@pytest.mark.parametrize("name", AROUND_OTHERWISE)
def test_each_number_of_the_provider_that_matters_stands_in_a_sentence(name):
    assert words(around=replace(Policy(), **{name: AROUND_OTHERWISE[name]})) != words()


def test_no_number_is_written_into_a_sentence():
    tree = ast.parse(Path(in_words.__file__).read_text(encoding="utf-8"))
    texts = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value
    ]
    assert texts
    assert not [text for text in texts if any(character.isdigit() for character in text)]


def test_what_is_not_offered_is_not_told():
    alone = " ".join(words(replace(EVERYTHING, problems=(FORGOT,), methods=("email",))))
    for absent in ("paused", "phone, app or security key", "text to your phone", "of your authenticator app."):
        assert absent not in alone
    assert not [way for way in WAYS if way not in (*EVERYTHING.methods, "password", "invitation")], (
        "a sentence for each way"
    )


def test_without_a_quarantine_nothing_is_said_of_one():
    assert "at once" in " ".join(words(around=replace(Policy(), address_quarantine=timedelta(0))))


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(seconds=1), "1 second"),
        (timedelta(seconds=90), "90 seconds"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(minutes=90), "90 minutes"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(hours=72), "3 days"),
    ],
)
def test_a_time_is_said_in_the_largest_unit_that_says_it_exactly(length, said):
    with translation.override("en"):
        assert in_words.duration(length) == said


# --- The page ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_sound_in_every_language(language, db, settings):
    settings.RECOVERY = {}
    response = Person().http.get(f"{HOW}?lang={language}", secure=True)
    page = Page(response.content.decode())
    assert_sound(page, language=language, name="recovery-how")
    with translation.override(language):
        for section in in_words.for_everybody(RecoveryPolicy(), Policy()):
            assert section.heading in [each["text"] for each in page.all("h2")]
            for sentence in section.sentences:
                assert " ".join(sentence.split()) in page.text


def test_the_page_follows_the_settings(settings, db):
    settings.RECOVERY = {"journey_lifetime": timedelta(minutes=47)}
    settings.IDP = {**settings.IDP, "address_quarantine": timedelta(days=6)}
    page = Person().open(HOW)
    assert "finished within 47 minutes" in page
    assert "only after 6 days" in page


def test_the_first_page_of_a_recovery_leads_there_and_back_for_the_same_application(db):
    person = Person()
    person.open("/recovery/")
    assert person.click("how").name == "recovery-how"
    page = person.open(f"{HOW}?i=abc")
    assert 'class="back" href="/recovery/?i=abc"' in page.response.content.decode()


def test_it_asks_nothing_of_the_database_but_what_is_in_force(db):
    """That is asked by whichever page comes first, and remembered for half a minute."""
    Person().http.get(HOW, secure=True)
    with CaptureQueriesContext(connection) as asked:
        Person().http.get(HOW, secure=True)
    assert not asked.captured_queries


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_there_is_nothing_to_send_to_it(method, db):
    person = Person()
    token = person.open("/recovery/").parsed.fields["csrfmiddlewaretoken"][0]
    if method == "post":
        assert person.post(HOW, {"csrfmiddlewaretoken": token}).status_code == 405
    else:
        assert getattr(person.http, method)(HOW, secure=True).status_code in (403, 405)


def test_administrators_read_what_everybody_reads_and_the_numbers_behind_it(jane):
    appoint(jane)
    administrator = at_a_browser(with_app(jane))
    page = Page(administrator.http.get("/console/policy/", secure=True).content.decode())
    for tell in (in_words.for_everybody, in_words.for_administrators):
        for section in tell(policy(), Policy()):
            assert section.heading in page.text
            for sentence in section.sentences:
                assert sentence in page.text
