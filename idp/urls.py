"""The provider's addresses, in the order a browser meets them; then what programs call."""

from django.urls import include, path

from idp import branding, probes
from idp.account import addresses
from idp.account import views as account
from idp.account.applications import applications
from idp.login import again
from idp.login import views as login

urlpatterns = [
    path("", include("idp.oidc.urls")),
    path("sign-in", login.sign_in, name="sign-in"),
    path("sign-in/again", again.again, name="sign-in-again"),
    path("consent", login.consent, name="consent"),
    path("account/", account.home, name="account"),
    path("account/addresses/add/", addresses.add, name="address-add"),
    path("account/addresses/code/<uuid:claim_id>/", addresses.code, name="address-code"),
    path("account/addresses/<uuid:address_id>/", addresses.one, name="address"),
    path("account/applications/", applications, name="applications"),
    path("brand.css", branding.brand_css_view, name="brand-css"),
    path("healthz", probes.healthz, name="healthz"),
    path("readyz", probes.readyz, name="readyz"),
]
