"""Roughly where a network is: from the operator's file, in words, and nothing where there is none."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.checks import run_checks
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from idp import browser, places
from idp.models import AuditEntry, SignIn
from tests.conftest import PASSWORD
from tests.story import Person

LYON = {
    "city": {"names": {"en": "Lyon", "fr": "Lyon", "zh-CN": "里昂"}},
    "country": {"iso_code": "FR", "names": {"en": "France", "fr": "France", "zh-CN": "法国"}},
}
GENEVA = {
    "city": {"names": {"en": "Geneva", "fr": "Genève"}},
    "country": {"iso_code": "CH", "names": {"en": "Switzerland", "fr": "Suisse"}},
}
SOMEWHERE = {"country": {"iso_code": "CH", "names": {"en": "Switzerland"}}}


def write(path, *, kind="Test-City", version=6):
    writer = MMDBWriter(ip_version=version, database_type=kind, ipv4_compatible=version == 6)
    writer.insert_network(IPSet(["192.0.2.0/24"]), LYON)
    writer.insert_network(IPSet(["198.51.100.0/24"]), GENEVA)
    writer.insert_network(IPSet(["203.0.113.0/25"]), SOMEWHERE)
    if version == 6:
        writer.insert_network(IPSet(["2001:db8:1::/48"]), LYON)
    writer.to_db_file(str(path))
    return str(path)


@pytest.fixture
def file(tmp_path, settings):
    settings.GEOIP_DATABASE = write(tmp_path / "places.mmdb")
    return settings.GEOIP_DATABASE


@pytest.mark.parametrize(
    ("network", "place"),
    [
        ("192.0.2.0/24", "Lyon, France"),
        ("203.0.113.0/24", "Switzerland"),
        ("2001:db8:1::/56", "Lyon, France"),
        ("10.0.0.0/24", ""),
        ("unknown", ""),
        ("", ""),
    ],
)
def test_a_network_is_near_a_town_or_in_a_country_or_nowhere(file, network, place):
    assert places.of(network) == place


def test_words_are_in_the_tenants_language_if_the_file_has_it(file, settings):
    settings.LANGUAGE_CODE = "fr"
    places.of.cache_clear()
    assert places.of("198.51.100.0/24") == "Genève, Suisse"
    assert places.of("203.0.113.0/24") == "Switzerland"


def test_without_a_file_there_is_no_place(settings):
    settings.GEOIP_DATABASE = ""
    assert places.of("192.0.2.0/24") == ""
    assert run_checks(tags=["security"]) == []


def test_a_file_for_ipv4_knows_nothing_of_ipv6(tmp_path, settings):
    settings.GEOIP_DATABASE = write(tmp_path / "four.mmdb", version=4)
    assert places.of("192.0.2.0/24") == "Lyon, France"
    assert places.of("2001:db8:1::/56") == ""


def test_a_sign_in_carries_the_place_to_whoever_looks(file, jane):
    person = Person(address="192.0.2.77")
    person.open("/sign-in")
    person.submit(username="jane", password=PASSWORD)
    assert SignIn.objects.get().place == "Lyon, France"
    assert "Near Lyon, France" in person.open("/account/sessions/")
    person.open("/account/language/")
    person.submit(language="fr")
    assert AuditEntry.objects.get(name="idp.account.language_chosen").origin["place"] == "Lyon, France"


def test_only_the_networks_prefix_is_looked_up(file, rf, monkeypatch):
    asked = []
    monkeypatch.setattr(browser, "places", SimpleNamespace(of=lambda network: asked.append(network) or ""))
    browser.origin(rf.get("/", REMOTE_ADDR="192.0.2.77"))
    assert asked == ["192.0.2.0/24"]


@pytest.mark.parametrize("fault", ["missing", "nonsense", "cut short", "of providers"])
def test_a_bad_file_is_said_when_it_starts(tmp_path, settings, fault):
    path = tmp_path / "places.mmdb"
    if fault == "nonsense":
        path.write_text("these are no places")
    elif fault == "cut short":
        whole = Path(write(tmp_path / "whole.mmdb")).read_bytes()
        path.write_bytes(whole[:100])
    elif fault == "of providers":
        write(path, kind="Test-ASN")
    settings.GEOIP_DATABASE = str(path)
    found = run_checks(tags=["security"])
    assert [message.id for message in found] == ["idp.E005"]
    assert "GEOIP_DATABASE" in found[0].msg
    with pytest.raises(places.UnusableDatabase):
        places.of("192.0.2.0/24")


def test_the_web_process_refuses_to_start_with_a_bad_file(tmp_path, transactional_db):
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "GEOIP_DATABASE": str(tmp_path / "none")}
    started = subprocess.run(
        [sys.executable, "-c", "import config.wsgi"],
        env=environment,
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert started.returncode != 0
    assert "GEOIP_DATABASE" in started.stderr
