"""Which telephone numbers a text message goes to."""

import pytest

from idp.channels import numbers
from idp.channels.numbers import Number, Unfit

EUROPE = ["FR", "BE"]


@pytest.mark.parametrize("typed", ["+33612345678", "+33 6 12 34 56 78", "0033 6 12 34 56 78", "+33 (0)6.12.34.56.78"])
def test_a_number_has_one_spelling(typed):
    countries = ["FR"] if typed.startswith("0") else EUROPE
    assert numbers.read(typed, countries=countries) == Number(e164="+33612345678", country="FR", block="+3361234")


def test_without_a_countrys_code_it_is_read_as_the_only_countrys():
    assert numbers.read("06 12 34 56 78", countries=["FR"]) == numbers.read("+33612345678", countries=["FR"])
    assert numbers.read("06 12 34 56 78", countries=EUROPE) is Unfit.MALFORMED


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("", Unfit.MALFORMED),
        ("jane", Unfit.MALFORMED),
        ("+", Unfit.MALFORMED),
        ("+33 6", Unfit.MALFORMED),
        ("+33 6 12 34 56 78 78 78", Unfit.MALFORMED),
        ("+999 12345678", Unfit.MALFORMED),
        ("9" * 1000, Unfit.MALFORMED),
        ("+33\x00612345678\r\nX: y", Unfit.MALFORMED),
        ("+12025550143", Unfit.COUNTRY),
        ("+8613800138000", Unfit.COUNTRY),
        ("+33 8 99 70 00 00", Unfit.COSTLY),  # premium
        ("+33 8 10 00 00 00", Unfit.COSTLY),  # shared cost
        ("+33 8 00 00 00 00", Unfit.UNREACHABLE),  # toll-free
        ("+33 1 42 68 53 00", Unfit.UNREACHABLE),  # a landline
        ("+33 9 70 00 00 00", Unfit.UNREACHABLE),  # internet telephony
    ],
)
def test_what_is_not_sent_to(typed, why):
    assert numbers.read(typed, countries=EUROPE) is why


def test_a_country_is_two_letters_that_have_numbers():
    assert numbers.is_country("FR")
    assert not numbers.is_country("FRA")
    assert not numbers.is_country("")


@pytest.mark.parametrize(
    "text", ["33612345678", "+033612345678", "+33 612345678", "+1234567890123456", "+33612345678\n"]
)
def test_one_spelling_is_not_another(text):
    assert numbers.is_e164("+33612345678")
    assert not numbers.is_e164(text)
