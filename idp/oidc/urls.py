"""The protocol's addresses. Discovery publishes the same paths (`supported.ENDPOINTS`)."""

from django.urls import path

from idp.oidc import authorize, introspection, logout, par, revocation, views
from idp.oidc.supported import ENDPOINTS
from idp.oidc.userinfo import userinfo

urlpatterns = [
    path(".well-known/openid-configuration", views.configuration, name="openid-configuration"),
    path(".well-known/oauth-authorization-server", views.configuration, name="oauth-authorization-server"),
    path(ENDPOINTS["jwks_uri"][1:], views.jwks, name="jwks"),
    path(ENDPOINTS["authorization_endpoint"][1:], authorize.authorize, name="authorize"),
    path(ENDPOINTS["pushed_authorization_request_endpoint"][1:], par.push, name="par"),
    path("continue", authorize.resume, name="continue"),
    path(ENDPOINTS["token_endpoint"][1:], views.token, name="token"),
    path(ENDPOINTS["introspection_endpoint"][1:], introspection.introspect, name="introspect"),
    path(ENDPOINTS["revocation_endpoint"][1:], revocation.revoke, name="revoke"),
    path(ENDPOINTS["userinfo_endpoint"][1:], userinfo, name="userinfo"),
    path(ENDPOINTS["end_session_endpoint"][1:], logout.sign_out, name="sign-out"),
    path("signed-out", logout.signed_out, name="signed-out"),
]
