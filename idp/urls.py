"""The provider's addresses, in the order a browser meets them; then what programs call."""

from django.urls import include, path

from idp import branding, probes, receipts
from idp.account import passkey
from idp.login import again, factor, freezing, passkeys, set_up
from idp.login import views as login
from idp.oidc import urls as oidc

urlpatterns = [
    *oidc.urlpatterns,
    path("sign-in", login.sign_in, name="sign-in"),
    path("sign-in/again", again.again, name="sign-in-again"),
    path("sign-in/factor", factor.factor, name="sign-in-factor"),
    path("sign-in/passkey/options", passkeys.options, name="sign-in-passkey-options"),
    path("sign-in/set-up", set_up.set_up, name="sign-in-set-up"),
    path("consent", login.consent, name="consent"),
    path("recovery/stop/", freezing.ask, name="freeze"),
    path("recovery/stop/done/", freezing.done, name="frozen"),
    path("account/", include("idp.account.urls")),
    path("console/", include("idp.console.urls")),
    path(".well-known/passkey-endpoints", passkey.endpoints, name="passkey-endpoints"),
    path("brand.css", branding.brand_css_view, name="brand-css"),
    path("receipts/<slug:name>", receipts.receive, name="receipts"),
    path("healthz", probes.healthz, name="healthz"),
    path("readyz", probes.readyz, name="readyz"),
    path("readyz/delivery", probes.delivery, name="readyz-delivery"),
    path("metrics", probes.numbers, name="metrics"),
]
