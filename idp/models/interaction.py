"""An authorization request waiting for a person."""

from secrets import token_urlsafe

from django.db import models

from idp.models.client import Client
from idp.models.sign_in import SignIn


def new_interaction_id() -> str:
    return token_urlsafe(16)


class Interaction(models.Model):
    """The validated parameters of a request, bound to the browser that brought it. See `idp.interactions`."""

    id = models.CharField(max_length=32, primary_key=True, default=new_interaction_id, editable=False)
    #: Empty while a pushed request (RFC 9126) waits for the browser that will bring its `request_uri`.
    browser_hash = models.CharField(max_length=64, blank=True)
    pushed_hash = models.CharField(max_length=64, unique=True, null=True)
    client = models.ForeignKey(Client, on_delete=models.CASCADE)
    #: The authorization request, as validated: names and values of OAuth and OpenID Connect.
    parameters = models.JSONField()
    #: The sign-in that happened *for* this request; it satisfies `prompt=login` and `max_age` (P-02, P-03).
    sign_in = models.ForeignKey(SignIn, on_delete=models.SET_NULL, null=True)
    #: Scopes the person allowed on the consent page of this very request.
    consented_scopes = models.JSONField(null=True)
    #: The error the application gets, because the person said no (RFC 6749 4.1.2.1, `access_denied`).
    refused = models.CharField(max_length=30, blank=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    finished_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"interaction with {self.client_id}"
