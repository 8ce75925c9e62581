"""Starting: what is missing or unsafe is refused with one sentence that names the variable."""

import base64
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from idp.conf import Policy

ROOT = Path(__file__).resolve().parents[2]
GOOD = {
    "REGAIN_ISSUER": "https://id.contoso.example",
    "SECRET_KEY": "x" * 50,
    "REGAIN_ROOT_KEYS": "k1:" + base64.b64encode(bytes(32)).decode(),
    "REDIS_URL": "redis://127.0.0.1:6379/0",
    "EMAIL_URL": "smtp://127.0.0.1:25",
    "DATABASE_URL": "sqlite:///:memory:",
}


def start(*, run=("manage.py", "check"), **changes):
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment |= {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    return subprocess.run(
        [sys.executable, *run],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_with_everything_named_it_starts():
    run = start()
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("name", ["REGAIN_ISSUER", "SECRET_KEY", "REGAIN_ROOT_KEYS", "REDIS_URL", "EMAIL_URL"])
def test_a_missing_variable_is_named_in_one_sentence(name):
    run = start(**{name: None})
    assert run.returncode == 1
    assert run.stderr.startswith(f"Regain cannot start: {name} is not set.")
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("REGAIN_ISSUER", "http://id.contoso.example", "https://"),
        ("REGAIN_ISSUER", "https://id.contoso.example/path", "origin"),
        ("REGAIN_ISSUER", "id.contoso.example", "origin"),
        ("REGAIN_ROOT_KEYS", "k1:not base64!", "base64"),
        ("REGAIN_ROOT_KEYS", "k1:" + base64.b64encode(bytes(16)).decode(), "32 bytes"),
        ("REGAIN_ROOT_KEYS", ":" + base64.b64encode(bytes(32)).decode(), "key id"),
        ("REGAIN_ROOT_KEYS", ",".join([GOOD["REGAIN_ROOT_KEYS"]] * 2), "same id"),
        ("TENANT_BRAND_COLOR", "#ffff00", "TENANT_BRAND_COLOR"),
        ("BREACH_FILTER", "/nowhere/at/all", "filter"),
    ],
)
def test_an_unsafe_value_is_refused_with_its_reason(name, value, said):
    run = start(**{name: value})
    assert run.returncode == 1
    assert said in run.stderr


def test_the_root_key_is_not_told_when_it_is_refused():
    run = start(REGAIN_ROOT_KEYS="k1:c2VjcmV0LXNlY3JldC1zZWNyZXQ=")
    assert "c2VjcmV0" not in run.stderr


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("IDP", {"code_lifetime": "soon"}, "'<' not supported"),
        ("IDP", {"no_such_number": 1}, "no_such_number"),
        ("IDP_PLUGINS", ["recovery.nowhere.Plugin"], "recovery.nowhere"),
    ],
)
def test_a_policy_out_of_bounds_is_a_start_up_error(settings, setting, value, said):
    from django.core.checks import run_checks

    setattr(settings, setting, value)
    try:
        found = " ".join(str(message) for message in run_checks(tags=["security"]))
    except TypeError as error:
        found = str(error)
    assert said in found


def test_cookies_are_bound_to_the_host(settings):
    assert settings.COOKIE_PREFIX == "__Host-"
    assert settings.SECURE_COOKIES


@pytest.mark.parametrize(
    "numbers",
    [
        {"code_lifetime": timedelta(seconds=61)},
        {"session_absolute": timedelta(days=31)},
        {"session_idle": timedelta(hours=13)},
        {"step_up": timedelta(minutes=16)},
    ],
    ids=str,
)
def test_no_setting_lets_codes_and_sessions_live_longer_than_this(numbers):
    """ASVS 7.3.1, 7.3.2, 7.5.1, 10.4.3."""
    (name,) = numbers
    with pytest.raises(ImproperlyConfigured, match=name):
        Policy(**numbers)
