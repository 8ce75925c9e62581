"""The owner's pages, in the order of the menu and of what stands on it."""

from django.urls import path

from idp.account import addresses, factors, passkey, recovery_codes, totp, trying
from idp.account.activity import activity
from idp.account.applications import applications
from idp.account.data import data
from idp.account.delete import delete, deleted
from idp.account.language import language
from idp.account.overview import home
from idp.account.password import changed, password
from idp.account.security import security
from idp.account.sessions import sessions_page

urlpatterns = [
    path("", home, name="account"),
    path("security/", security, name="account-security"),
    path("password/", password, name="account-password"),
    path("password/changed/", changed, name="account-password-changed"),
    path("addresses/add/", addresses.add, name="address-add"),
    path("addresses/add/phone/", addresses.add_phone, name="address-add-phone"),
    path("addresses/code/<uuid:claim_id>/", addresses.code, name="address-code"),
    path("addresses/<uuid:address_id>/", addresses.one, name="address"),
    path("factors/add/", factors.add, name="factors-add"),
    path("factors/passkey/", passkey.add, name="factors-passkey"),
    path("factors/passkey/options", passkey.options, name="factors-passkey-options"),
    path("factors/totp/", totp.add, name="factors-totp"),
    path("factors/recovery-codes/", recovery_codes.codes, name="factors-recovery-codes"),
    path("factors/done/", factors.done, name="factors-done"),
    path("factors/<uuid:row>/options", trying.options, name="factors-try-options"),
    path("factors/<uuid:row>/", factors.one, name="factors-one"),
    path("sessions/", sessions_page, name="account-sessions"),
    path("applications/", applications, name="applications"),
    path("activity/", activity, name="account-activity"),
    path("language/", language, name="account-language"),
    path("data/", data, name="account-data"),
    path("delete/", delete, name="account-delete"),
    path("deleted/", deleted, name="account-deleted"),
]
