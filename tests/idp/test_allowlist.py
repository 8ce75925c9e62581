"""What somebody may add to the configuration keeps the provider from starting, and is named (SECURITY rule 20)."""

import sys
from types import ModuleType

import pytest
from django.conf import settings as configured
from django.core.checks import run_checks
from django.http import HttpResponse
from django.urls import path

from config import urls
from idp import allowlist
from idp.oidc import flows


def said():
    return [message.msg for message in run_checks(tags=["security"]) if message.id == "idp.E006"]


def test_the_program_itself_is_allowed():
    assert said() == []


@pytest.mark.parametrize(
    ("setting", "name"),
    [
        ("INSTALLED_APPS", "django.contrib.admin"),
        ("INSTALLED_APPS", "django.contrib.auth"),
        ("INSTALLED_APPS", "hijack"),
        ("AUTHENTICATION_BACKENDS", "django.contrib.auth.backends.ModelBackend"),
        ("AUTHENTICATION_BACKENDS", "django.contrib.auth.backends.RemoteUserBackend"),
        ("MIDDLEWARE", "django.contrib.auth.middleware.RemoteUserMiddleware"),
        ("MIDDLEWARE", "impersonate.middleware.ImpersonateMiddleware"),
    ],
)
def test_a_setting_with_more_in_it_is_refused(monkeypatch, setting, name):
    monkeypatch.setattr(configured, setting, [*getattr(configured, setting), name])
    assert said() == [f"{name} in {setting} is not part of this program"]


@pytest.mark.parametrize("grant", ["password", "urn:ietf:params:oauth:grant-type:device_code", "implicit"])
def test_a_grant_of_another_kind_is_refused(monkeypatch, grant):
    class Another:
        GRANT_TYPE = grant

    monkeypatch.setattr(flows.provider, "_token_grants", [*flows.provider._token_grants, (Another, [])])
    assert said() == [f"the grant {grant} is not one of this provider's"]


def answered_by(module):
    def view(_request):
        return HttpResponse()

    view.__module__ = module
    return view


@pytest.mark.parametrize(
    ("address", "module", "fault"),
    [
        (
            "admin/",
            "django.contrib.admin.sites",
            "the address /admin/ is answered by django.contrib.admin.sites, which is not part of this program",
        ),
        (
            "account/reset/<uidb64>/<token>/",
            "django.contrib.auth.views",
            (
                "the address /account/reset/<uidb64>/<token>/ is answered by django.contrib.auth.views, "
                "which is not part of this program"
            ),
        ),
        (
            "account/su/",
            "hijack.views",
            "the address /account/su/ is answered by hijack.views, which is not part of this program",
        ),
        (
            "idle/",
            "idp.login.views",
            "the address /idle/ is not one of those that idp may have",
        ),
    ],
)
def test_an_address_that_was_added_is_refused(settings, monkeypatch, address, module, fault):
    table = ModuleType("tests_table_with_more")
    table.urlpatterns = [*urls.urlpatterns, path(address, answered_by(module))]
    monkeypatch.setitem(sys.modules, table.__name__, table)
    settings.ROOT_URLCONF = table.__name__
    assert said() == [fault]


def test_a_plug_in_stays_below_its_own_name(monkeypatch):
    monkeypatch.setattr(configured, "IDP_PLUGINS", ["extra.plugin.Extra"])
    monkeypatch.setattr(
        allowlist,
        "_views",
        lambda _resolver: iter([("extra/page", "extra.views"), ("sign-in/extra", "extra.views")]),
    )
    assert [fault for fault in allowlist.faults() if "address" in fault] == [
        "the address /sign-in/extra is not one of those that extra may have",
    ]
