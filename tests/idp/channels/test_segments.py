"""How long a text is on the air, and that ours fit into one piece of it."""

from datetime import datetime
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp import notice_words, notices
from idp.channels import segments

LANGUAGES = ("en", "fr", "zh-hans")


@pytest.mark.parametrize(
    ("text", "alphabet", "places", "count"),
    [
        ("", "GSM-7", 0, 1),
        ("a" * 160, "GSM-7", 160, 1),
        ("a" * 161, "GSM-7", 161, 2),
        ("a" * 306, "GSM-7", 306, 2),
        ("a" * 307, "GSM-7", 307, 3),
        ("@£$¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà", "GSM-7", 41, 1),
        ("€" * 80, "GSM-7", 160, 1),
        ("€" * 81, "GSM-7", 162, 2),
        # Two places of an escaped character are not cut in two: 76 fit into a part of 153, not 76.5.
        ("€" * 153, "GSM-7", 306, 3),
        ("ç", "UCS-2", 1, 1),
        ("中" * 70, "UCS-2", 70, 1),
        ("中" * 71, "UCS-2", 71, 2),
        ("中" * 134, "UCS-2", 134, 2),
        ("中" * 135, "UCS-2", 135, 3),
        ("😀" * 35, "UCS-2", 70, 1),
        ("😀" * 36, "UCS-2", 72, 2),
        # Nor is a character outside the first plane: 33 fit into 67 units.
        ("😀" * 67, "UCS-2", 134, 3),
    ],
)
def test_a_text_takes_so_many_segments(text, alphabet, places, count):
    assert segments.size(text) == segments.Size(alphabet=alphabet, places=places, segments=count)


@given(st.text(max_size=400), st.text(max_size=40))
def test_a_longer_text_never_takes_fewer(text, more):
    assert segments.size(text + more).segments >= segments.size(text).segments


@given(st.text(max_size=200))
def test_making_it_plain_never_makes_an_alphabet_worse(text):
    assert not (segments.size(text).alphabet == "GSM-7" != segments.size(segments.plain(text)).alphabet)


def test_what_typographers_write_costs_no_alphabet():
    assert segments.plain("« C’est fini\u00a0: 5\u202f€ – vraiment… »") == '" C\'est fini: 5 € - vraiment... "'.replace(
        "fini:", "fini :"
    )


def test_the_best_version_that_fits_is_taken():
    assert segments.fitting(["a" * 161, "b" * 160, "c"]) == "b" * 160
    assert segments.fitting(["a" * 161, "b" * 170]) == "b" * 170


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ["Contoso", "x" * 200])
def test_a_notice_is_one_segment(settings, language, name):
    settings.TENANT_NAME = name
    moment = datetime(2026, 11, 23, 14, 31)  # noqa: DTZ001 -- as a page shows it
    body = notices.text("idp/sms/password_changed", language=language, at=moment).body
    assert segments.size(body).segments == 1
    assert "2026-11-23 14:31" in body
    assert "http" not in body


def test_user_text_is_not_in_a_text_message():
    """DL-04: neither device nor name, which the other side chooses."""
    message = SimpleNamespace(kind="idp.password_changed", channel="sms", facts={"at": "2026-11-23T14:31:00Z"})
    assert notices.words(message, language="en") is not None


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", sorted(notice_words._WORDS))
@pytest.mark.parametrize("name", ["Contoso", "x" * 200])
def test_every_kind_of_notice_fits_into_one_segment(settings, kind, language, name):
    settings.TENANT_NAME = name
    facts = {
        "at": "2026-11-23T14:31:00Z",
        "factor": "passkey",
        "called": "http://canary.example",
        "device": "canary",
        "left": 3,
        "who": "canary",
        "proved_by": "email, canary",
        "usable_from": "2026-11-30T14:31:00Z",
        "told_until": "2026-11-30T14:31:00Z",
        "until": "2026-11-26T14:31:00Z",
        "frozen_at": "2026-11-20T14:31:00Z",
        "table": "credential",
        "decision": "administrator",
        "outcome": "withdrawn",
        "due_at": "2026-11-26T14:31:00Z",
        "by": "sign_in",
    }
    body = notices.words(SimpleNamespace(kind=kind, channel="sms", facts=facts), language=language).body
    assert segments.size(body).segments == 1
    assert "2026-11-23 14:31" in body
    assert "canary" not in body
