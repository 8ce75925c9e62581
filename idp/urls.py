"""The provider's addresses, in the order a browser meets them; then what programs call."""

from django.urls import include, path

from idp import branding, probes
from idp.account import views as account
from idp.account.applications import applications
from idp.login import again, factor, passkeys
from idp.login import views as login

urlpatterns = [
    path("", include("idp.oidc.urls")),
    path("sign-in", login.sign_in, name="sign-in"),
    path("sign-in/again", again.again, name="sign-in-again"),
    path("sign-in/factor", factor.factor, name="sign-in-factor"),
    path("sign-in/passkey/options", passkeys.options, name="sign-in-passkey-options"),
    path("consent", login.consent, name="consent"),
    path("account/", account.home, name="account"),
    path("account/applications/", applications, name="applications"),
    path("brand.css", branding.brand_css_view, name="brand-css"),
    path("healthz", probes.healthz, name="healthz"),
    path("readyz", probes.readyz, name="readyz"),
]
