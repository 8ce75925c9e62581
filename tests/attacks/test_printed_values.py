"""What a value says of itself when it is printed, as logs, debuggers and error reports do: never a secret (SR-04)."""

import dataclasses
import importlib
import inspect
import pkgutil

import pytest

import idp
import recovery
from idp.channels import Letter, Text
from idp.models import Credential, RecoveryAddress, SignIn
from recovery.domain.journey import Step
from recovery.models import Challenge
from tests.conftest import PASSWORD
from tests.recovery.walk import letter, walk_to
from tests.story import Person

#: What fields are called that hold what only one person, or one browser, may know.
SECRET = {
    *("password", "raw", "otp", "codes", "secret", "client_secret", "totp_secret", "material", "password_hash"),
    *("device_key", "browser_key", "session_key", "signing_key", "private_key", "answer", "token"),
}
#: Not secrets in spite of that: the name of an option, and a policy.
HARMLESS = {("_Family", "secret"), ("RecoveryPolicy", "otp")}


def values():
    """Every dataclass of the program."""
    found = {}
    for package in (idp, recovery):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if ".migrations" in module.name or ".management" in module.name:
                continue
            for _name, each in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
                if dataclasses.is_dataclass(each) and each.__module__ == module.name:
                    found[f"{module.name}.{each.__qualname__}"] = each
    return found


VALUES = values()


def test_no_value_prints_a_field_that_is_called_like_a_secret():
    printed = {
        f"{name}.{field.name}"
        for name, each in VALUES.items()
        for field in dataclasses.fields(each)
        if field.name in SECRET and field.repr and (each.__name__, field.name) not in HARMLESS
    }
    assert not printed, "field(repr=False)"


def test_the_values_are_found():
    assert {"idp.accounts.sessions.Begun", "recovery.flow.Begun", "idp.login.attempts.Tried"} <= set(VALUES)


@pytest.mark.parametrize(
    "name",
    [
        *("idp.accounts.sessions.Begun", "idp.login.pending.Kept", "idp.accounts.devices.Seen"),
        *("idp.accounts.sealing.Address", "recovery.methods.base.Answer"),
    ],
)
def test_a_secret_of_another_name_is_not_printed_either(name):
    """Those whose field is called `key`, `value` or `text`."""
    hidden = {"key", "value", "text"} & {field.name for field in dataclasses.fields(VALUES[name])}
    values = {field.name: "seen" for field in dataclasses.fields(VALUES[name])} | dict.fromkeys(hidden, "canary")
    assert hidden
    assert "canary" not in repr(VALUES[name](**values))


def test_a_message_does_not_print_its_words():
    assert "canary" not in repr(Letter(subject="A code", text="canary", html="canary"))
    assert "canary" not in repr(Text(body="canary"))


def test_a_row_prints_its_number_and_nothing_it_holds(jane):
    walk_to(Step.CODE)
    code = letter().replace(" ", "")
    person = Person()
    person.open("/sign-in")
    person.submit(username="jane", password=PASSWORD)
    rows = [Credential.objects.get(), RecoveryAddress.objects.get(), SignIn.objects.get(), Challenge.objects.get()]
    for row in rows:
        held = [
            str(getattr(row, name))
            for name in ("material", "seal", "ciphertext", "key_hash", "nonce")
            if hasattr(row, name)
        ]
        for printed in (repr(row), str(row)):
            assert str(row.pk) in printed or str(getattr(row, "user_id", "")) in printed
            assert not [each for each in (*held, code, jane.email) if each in printed]
