"""The provider's addresses, in the order a browser meets them; then what programs call."""

from django.urls import include, path

from idp import branding, probes
from idp.account import addresses, factors, passkey, recovery_codes, totp
from idp.account import views as account
from idp.account.applications import applications
from idp.login import again, factor, passkeys, set_up
from idp.login import views as login

urlpatterns = [
    path("", include("idp.oidc.urls")),
    path("sign-in", login.sign_in, name="sign-in"),
    path("sign-in/again", again.again, name="sign-in-again"),
    path("sign-in/factor", factor.factor, name="sign-in-factor"),
    path("sign-in/passkey/options", passkeys.options, name="sign-in-passkey-options"),
    path("sign-in/set-up", set_up.set_up, name="sign-in-set-up"),
    path("consent", login.consent, name="consent"),
    path("account/", account.home, name="account"),
    path("account/addresses/add/", addresses.add, name="address-add"),
    path("account/addresses/code/<uuid:claim_id>/", addresses.code, name="address-code"),
    path("account/addresses/<uuid:address_id>/", addresses.one, name="address"),
    path("account/applications/", applications, name="applications"),
    path("account/factors/add/", factors.add, name="factors-add"),
    path("account/factors/passkey/", passkey.add, name="factors-passkey"),
    path("account/factors/passkey/options", passkey.options, name="factors-passkey-options"),
    path("account/factors/totp/", totp.add, name="factors-totp"),
    path("account/factors/recovery-codes/", recovery_codes.codes, name="factors-recovery-codes"),
    path("account/factors/done/", factors.done, name="factors-done"),
    path("account/factors/<uuid:row>/", factors.one, name="factors-one"),
    path(".well-known/passkey-endpoints", passkey.endpoints, name="passkey-endpoints"),
    path("brand.css", branding.brand_css_view, name="brand-css"),
    path("healthz", probes.healthz, name="healthz"),
    path("readyz", probes.readyz, name="readyz"),
]
