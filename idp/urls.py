"""The provider's addresses, in the order a browser meets them; then what programs call."""

from django.urls import path

from idp import branding, probes
from idp.account import views as account
from idp.account.applications import applications
from idp.login import views as login
from idp.oidc import urls as oidc

urlpatterns = [
    *oidc.urlpatterns,
    path("sign-in", login.sign_in, name="sign-in"),
    path("consent", login.consent, name="consent"),
    path("account/", account.home, name="account"),
    path("account/applications/", applications, name="applications"),
    path("brand.css", branding.brand_css_view, name="brand-css"),
    path("healthz", probes.healthz, name="healthz"),
    path("readyz", probes.readyz, name="readyz"),
]
