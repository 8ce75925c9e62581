"""The code as a text message: one segment, in every language, whatever the organisation is called."""

from datetime import datetime

import pytest

from idp import notices
from idp.channels import segments

LANGUAGES = ("en", "fr", "zh-hans")
CODE = {
    "code": "3812 0457",
    "reference": "K7",
    "until": datetime(2026, 11, 23, 14, 31),  # noqa: DTZ001 -- as a page shows it
    "last_line": "@id.contoso.example #38120457",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_code_is_one_segment_and_names_who_what_and_until_when(settings, language):
    settings.TENANT_NAME = "Contoso"
    body = notices.text("recovery/sms/code", language=language, **CODE).body
    first, last = body.split("\n")
    assert segments.size(body).segments == 1
    assert first.startswith("Contoso")
    assert {"3812 0457", "K7", "14:31"} <= {word for word in ("3812 0457", "K7", "14:31") if word in first}
    assert last == "@id.contoso.example #38120457"
    assert "http" not in body
    assert segments.size(body).alphabet == ("UCS-2" if language == "zh-hans" else "GSM-7")


def test_in_english_a_code_reads_as_designed(settings):
    settings.TENANT_NAME = "Contoso"
    body = notices.text("recovery/sms/code", language="en", **CODE).body
    assert body == (
        "Contoso: code 3812 0457 (K7) to get back in, until 14:31. Never share it.\n@id.contoso.example #38120457"
    )


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "name", ["Contoso", "Société générale des eaux de Besançon", "株式会社コントソ" * 4, "x" * 200]
)
def test_whatever_the_organisation_is_called_a_code_fits(settings, language, name):
    settings.TENANT_NAME = name
    body = notices.text("recovery/sms/code", language=language, **CODE).body
    assert segments.size(body).segments == 1
    assert "3812 0457" in body
    assert body.endswith("\n@id.contoso.example #38120457")
