"""The documents say what is so: links lead somewhere, names and numbers are those of the code."""

import ast
import re
import subprocess
from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import get_commands

from config import settings as shipped
from examples.demo import ports, seed
from idp.conf import Policy
from idp.oidc import registration, supported
from recovery.domain.policy import OtpPolicy, RecoveryPolicy

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
OPERATE = ROOT / "docs" / "operate.md"
INTEGRATE = ROOT / "docs" / "integrate.md"

_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_OUR_FILE = re.compile(r"(?<![\w/.])(?:config|deploy|docs|examples|idp|recovery|tests)/[\w./-]*[\w/]")
_UNITS = {"day": 86400, "hour": 3600, "minute": 60, "second": 1}

#: Written in pieces, so that this file does not hold what it looks for.
_FOREIGN = re.compile(
    "|".join(
        ("/wo" + "rk/", "/tmp" + "/w", "/ro" + r"ot\b", "local" + "host:3", "python" + "hosted", "py" + r"pi\.org")
    ),
)


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def prose(path):
    """The text without what stands between fences."""
    return _FENCE.sub("", path.read_text(encoding="utf-8"))


def section(path, heading):
    """What stands under a heading, up to the next one of its level or above."""
    level, _space, _words = heading.partition(" ")
    text = prose(path)
    assert f"\n{heading}\n" in text, f"{name_of(path)} has no {heading!r}"
    below = text.split(f"\n{heading}\n", 1)[1]
    return re.split(rf"^#{{1,{len(level)}}} ", below, maxsplit=1, flags=re.MULTILINE)[0]


def rows(text):
    """The rows of the tables in a text, without their heads: a list of cells each."""
    lines = [line.strip() for line in text.splitlines()]
    below = [index for index, line in enumerate(lines) if re.fullmatch(r"\|(-+\|)+", line)]
    heads = {*below, *(index - 1 for index in below)}
    body = [line for index, line in enumerate(lines) if line.startswith("|") and index not in heads]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in body]


def table(text):
    """The rows by what their first cell names in backticks; several names share a row."""
    return {name: row for row in rows(text) for name in re.findall(r"`([\w.]+)", row[0])}


def anchors(path):
    """The anchors that the headings of a document make."""
    headings = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in _HEADING.findall(prose(path)))
    return {heading.strip().replace(" ", "-") for heading in headings}


# --- Links and files --------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_link_leads_somewhere(document):
    for target in _LINK.findall(prose(document)):
        if target.startswith("https://"):
            continue
        file, _hash, anchor = target.partition("#")
        there = (document.parent / file).resolve() if file else document
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_file_that_is_named_exists(document):
    for named in _OUR_FILE.findall(prose(document)):
        assert (ROOT / named).exists(), named


def test_nothing_names_the_machine_it_was_written_on():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git work tree")
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if not path.is_file():
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found = _FOREIGN.search(text)
        assert found is None, f"{name}: {found.group()}"


# --- What operators rely on -------------------------------------------------------------------------------


def variables_read():
    """The environment variables of the settings and of the Procfile."""
    found = set(re.findall(r"\$\{(\w+)", (ROOT / "Procfile").read_text(encoding="utf-8")))
    tree = ast.parse((ROOT / "config" / "settings.py").read_text(encoding="utf-8"))
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args):
        asks = getattr(call.func, "id", "") in ("required", "positive")
        asks |= isinstance(call.func, ast.Attribute) and getattr(call.func.value, "id", "") == "env"
        first = call.args[0]
        if asks and isinstance(first, ast.Constant):
            found.add(first.value)
    return found


def test_every_environment_variable_is_documented_and_no_other():
    assert set(table(section(OPERATE, "## Environment"))) == variables_read()


def test_every_command_of_ours_is_documented_and_no_other():
    ours = {name for name, app in get_commands().items() if app in ("idp", "recovery")}
    documented = {name for row in rows(section(OPERATE, "## Commands")) for name in re.findall(r"`(\w+)[ `]", row[0])}
    assert documented == ours


def test_every_alarm_is_documented_and_no_other():
    alarms = {
        alarm
        for package in ("idp", "recovery")
        for source in (ROOT / package).rglob("*.py")
        for alarm in re.findall(r'\balarm="([\w.]+)"', source.read_text(encoding="utf-8"))
    }
    documented = {name for row in rows(section(OPERATE, "### Logs")) for name in re.findall(r"^`([\w.]+)`$", row[1])}
    assert documented == alarms


def in_words(value):
    """A default as the tables say it."""
    if isinstance(value, timedelta):
        seconds = int(value.total_seconds())
        unit = next(unit for unit, length in _UNITS.items() if not seconds % length)
        count = seconds // _UNITS[unit]
        return f"{count} {unit}{'s' * (count != 1)}"
    if isinstance(value, tuple):
        return ", ".join(value)
    if isinstance(value, OtpPolicy):
        return "see below"
    if hasattr(value, "free"):
        return f"{value.free}, then {in_words(value.first)} up to {in_words(value.longest)}"
    if hasattr(value, "per"):
        return f"{value.count} in {in_words(value.per)}"
    return str(value)


@pytest.mark.parametrize(
    ("policies", "heading"),
    [((Policy(),), "### settings.IDP"), ((RecoveryPolicy(), OtpPolicy()), "### settings.RECOVERY")],
    ids=["IDP", "RECOVERY"],
)
def test_every_number_of_the_policies_is_documented_with_its_default(policies, heading):
    documented = {name: row[1] for name, row in table(section(OPERATE, heading)).items()}
    defaults = {each.name: in_words(getattr(policy, each.name)) for policy in policies for each in fields(policy)}
    assert documented == defaults


def test_what_the_settings_say_of_the_provider_is_the_default():
    """The tables show defaults; they would mislead if what ships said something else."""
    assert Policy(**shipped.IDP) == Policy()
    assert RecoveryPolicy(**shipped.RECOVERY) == RecoveryPolicy()


# --- What developers of applications rely on --------------------------------------------------------------


def test_every_member_of_a_registration_is_documented():
    documented = set(re.findall(r"^\|([^|]+)", section(INTEGRATE, "## Registering"), re.MULTILINE))
    names = {name for cell in documented for name in re.findall(r"`(\w+)`", cell)}
    assert names == registration._MEMBERS


def test_every_claim_is_documented_with_its_scope():
    documented = {
        name: re.findall(r"`(\w+)`", row[1]) for name, row in table(section(INTEGRATE, "## Userinfo")).items()
    }
    assert documented == {scope.value: list(scope.claims) for scope in supported.SCOPES if scope.claims}
    id_token = table(section(INTEGRATE, "## Tokens"))
    named = {name for row in id_token.values() for name in re.findall(r"`(\w+)`", row[0])}
    assert set(supported.ID_TOKEN_CLAIMS) <= named


def test_every_endpoint_is_documented():
    assert set(re.findall(r"`(/[\w-]+)` \|", section(INTEGRATE, "## In short"))) == set(supported.ENDPOINTS.values())


# --- What newcomers try -----------------------------------------------------------------------------------


def test_the_readme_tells_of_the_demo_as_it_is():
    told = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"`{seed.PASSWORD}`" in told
    assert seed.PERSON["email"] in told
    assert f"`{seed.ADMINISTRATOR['preferred_username']}`" in told
    for place in (ports.APPLICATION, ports.INBOX):
        assert f"http://127.0.0.1:{place.usual}" in told
    for place in (ports.WEB, ports.APPLICATION, ports.INBOX, ports.SMTP, ports.REDIS):
        assert f"`{place.variable}`" in told
