"""Telephone numbers: which ones a text message may go to. Stored, compared and dialled in one spelling, E.164."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberType

#: Kinds of numbers at which a text message reaches one person's telephone. Not: premium and shared-cost numbers,
#: which somebody earns by; toll-free and company numbers; landlines, where it is read aloud or lost; numbers of
#: internet telephony, which are no telephone line (another root than a mailbox is what the method is there for).
_REACHABLE = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE})
_COSTLY = frozenset({PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST, PhoneNumberType.UAN})
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
#: What people put between digits.
_LONGEST = 40


class Unfit(StrEnum):
    """Why a number is not one that we send to."""

    MALFORMED = "malformed"
    COUNTRY = "country"
    COSTLY = "costly"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, kw_only=True)
class Number:
    """A number that may be sent to."""

    e164: str
    #: ISO 3166, two letters.
    country: str
    #: Numbers are given out in blocks; who earns by messages to them has a whole one (10,000 numbers).
    block: str


def read(typed: str, *, countries: Sequence[str]) -> Number | Unfit:
    """What `typed` means, if a text message may go there. Asks nobody, so it tells nothing of who has it.

    A number without its country's code is read as one of the only country allowed, if there is just one.
    """
    home = countries[0] if len(countries) == 1 else None
    try:
        parsed = phonenumbers.parse(typed[:_LONGEST], home)
    except NumberParseException:
        return Unfit.MALFORMED
    if not phonenumbers.is_valid_number(parsed):
        return Unfit.MALFORMED
    country = phonenumbers.region_code_for_number(parsed) or ""
    kind = phonenumbers.number_type(parsed)
    if kind in _COSTLY:
        return Unfit.COSTLY
    if country not in countries:
        return Unfit.COUNTRY
    if kind not in _REACHABLE:
        return Unfit.UNREACHABLE
    e164 = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    return Number(e164=e164, country=country, block=e164[:-4])


def is_e164(number: str) -> bool:
    """Whether `number` is in the one spelling, be it a number or not."""
    return _E164.fullmatch(number) is not None


def is_country(code: str) -> bool:
    """Whether there are numbers of this country (ISO 3166, two letters)."""
    return code in phonenumbers.SUPPORTED_REGIONS
