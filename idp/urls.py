"""The provider's addresses, in the order a browser meets them; then what programs call."""

from django.urls import include, path

from idp import branding, probes, receipts
from idp.account import views as account
from idp.account.applications import applications
from idp.login import views as login

urlpatterns = [
    path("", include("idp.oidc.urls")),
    path("sign-in", login.sign_in, name="sign-in"),
    path("consent", login.consent, name="consent"),
    path("account/", account.home, name="account"),
    path("account/applications/", applications, name="applications"),
    path("brand.css", branding.brand_css_view, name="brand-css"),
    path("receipts/<slug:name>", receipts.receive, name="receipts"),
    path("healthz", probes.healthz, name="healthz"),
    path("readyz", probes.readyz, name="readyz"),
]
