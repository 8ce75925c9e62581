"""What imports cannot show: calls that go past the one writer, the clock's door, or the side doors' absence.

Each rule says what to use instead.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [
    path
    for package in ("idp", "recovery", "config")
    for path in sorted((ROOT / package).rglob("*.py"))
    if "migrations" not in path.parts
]

#: (what is called, who may call it, what to use instead)
CALLS = [
    ("write_password", {"idp/accounts/credentials.py"}, "idp.accounts.password_change.change_password(proof, …)"),
    (
        "write_password_hash",
        {
            "idp/accounts/activation.py",
            "idp/accounts/credentials.py",
            "idp/accounts/password_change.py",
        },
        "idp.accounts.password_change.change_password(proof, …)",
    ),
    (
        "write_address",
        {"idp/accounts/activation.py", "idp/accounts/addresses.py"},
        "a proof, and a way for the owner to earn it",
    ),
    ("write_first", {"idp/accounts/importing.py"}, "the way of an act with one owner; this one is for an import"),
    ("First", {"idp/accounts/importing.py", "idp/factors/enrolment.py"}, "as for write_first"),
    ("put_first", {"idp/accounts/credentials.py"}, "idp.accounts.credentials, which takes proofs"),
    (
        "Proof",
        {
            "idp/accounts/activation.py",
            "idp/accounts/credentials.py",
            "idp/accounts/importing.py",
            "idp/accounts/reauthentication.py",
            "recovery/proof.py",
        },
        "idp.accounts.reauthentication, which asks how fresh a sign-in is, or recovery.proof.mint",
    ),
    ("mint", {"recovery/effects.py"}, "recovery.effects.set_new_password"),
    ("mint_first", {"recovery/effects.py"}, "recovery.effects.set_first_password"),
    ("activate_account", {"recovery/effects.py"}, "recovery.effects.set_first_password"),
    ("mint_factor", {"recovery/effects.py"}, "recovery.effects.replace_factor"),
    ("mint_passkey", {"recovery/effects.py"}, "recovery.effects.create_passkey"),
    ("mint_removal", {"recovery/effects.py"}, "recovery.effects.replace_factor"),
    ("replace_lost", {"idp/plugins/factors.py"}, "recovery.effects.replace_factor"),
    ("open_again", {"recovery/effects.py"}, "recovery.effects, which asks for proofs first"),
    ("write_factor", {"idp/factors/enrolment.py"}, "idp.factors.enrolment, which tells the owner"),
    ("remove_factor", {"idp/factors/enrolment.py"}, "idp.factors.enrolment, which tells the owner"),
    ("remove_address", {"idp/accounts/addresses.py"}, "idp.accounts.addresses, which tells the owner"),
    ("set_password", set(), "idp.accounts.password_change.change_password(proof, …)"),
    ("make_password", set(), "idp.accounts.hashers.hash_password"),
    ("check_password", set(), "idp.accounts.credentials.verify_password, which checks the seal"),
    # The one that is allowed is our own sign-in at a mail server.
    ("login", {"idp/channels/smtp.py"}, "idp.accounts.sessions.begin"),
    (
        "now",
        {"recovery/views.py", "recovery/methods/email.py", "recovery/methods/sms.py"},
        "an argument: time comes in through the door",
    ),
]
#: `now` is looked for in these only: deciding code is told the time.
TIMELESS = (
    "recovery/domain",
    "recovery/flow.py",
    "recovery/effects.py",
    "recovery/codes.py",
    "recovery/challenges.py",
    "recovery/journeys.py",
    "recovery/standing.py",
    "idp/login/dispatch.py",
)

#: Modules whose mere import is a side door (SECURITY rules 17, 20).
SIDE_DOORS = (
    "django.contrib.admin",
    "django.contrib.auth.backends",
    "django.contrib.auth.models",
    "django.contrib.auth.tokens",
    "django.contrib.auth.urls",
    "django.contrib.auth.views",
    "django.contrib.sessions",
    "authlib.jose",
    "pickle",
)


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def calls(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            called = node.func
            yield (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")), node.lineno


@pytest.mark.parametrize(("called", "allowed", "instead"), CALLS, ids=[row[0] for row in CALLS])
def test_only_these_may_call(called, allowed, instead):
    looked_at = [path for path in SOURCES if called != "now" or name_of(path).startswith(TIMELESS)]
    found = {
        f"{name_of(path)}:{line}"
        for path in looked_at
        for name, line in calls(path)
        if name == called and name_of(path) not in allowed
    }
    assert not found, f"{sorted(found)} call {called}(). Use {instead}."


@pytest.mark.parametrize("called", [row[0] for row in CALLS if row[1] and row[0] != "now"])
def test_who_may_call_it_does(called):
    """An allowance nobody uses is a door left ajar."""
    allowed = next(row[1] for row in CALLS if row[0] == called)
    users = {name_of(path) for path in SOURCES for name, _line in calls(path) if name == called}
    assert allowed <= users


def test_credential_rows_are_written_in_one_module():
    """`Credential.objects.…(update|create|bulk_…)` and `.save()` of guarded rows stand in credentials.py only."""
    writers = ("create", "update", "bulk_create", "bulk_update", "delete", "update_or_create", "get_or_create")
    found = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in writers):
                continue
            text = ast.unparse(node.func.value)
            if text.startswith(("Credential.objects", "RecoveryAddress.objects")):
                found.add(name_of(path))
    assert found <= {"idp/accounts/credentials.py"}


def test_chance_comes_from_the_operating_system():
    """ASVS 6.5.3, 7.2.3: `secrets`, never `random`; only how long the outbox waits may be guessed."""
    found = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            if {"random", "numpy.random"} & set(names):
                found.add(name_of(path))
    assert found == {"idp/outbox.py"}


def test_no_side_door_is_imported():
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            assert not [name for name in names if name.startswith(SIDE_DOORS)], name_of(path)


def test_no_side_door_is_installed(settings):
    assert not [app for app in settings.INSTALLED_APPS if app.startswith("django.contrib")]
    assert not [name for name in settings.MIDDLEWARE if "contrib" in name or "cache" in name]


def test_no_template_carries_inline_code():
    """The content security policy forbids it; a page that tried would only look broken."""
    for template in [*ROOT.glob("idp/templates/**/*.html"), *ROOT.glob("recovery/templates/**/*.html")]:
        if "/mail/" in template.as_posix():
            continue
        text = template.read_text()
        assert " style=" not in text, template
        assert "<style" not in text, template
        assert "onclick" not in text, template
        assert "<script>" not in text, template


def test_files_stay_readable():
    """About 300 lines is where a file starts asking to be two."""
    long = {name_of(path): lines for path in SOURCES if (lines := len(path.read_text().splitlines())) > 380}
    assert not long
