"""What an application does with a pushed request: by the back channel, then by its browser."""

from tests.idp.oidc.conftest import ask, basic


def push(browser, *, authorization=None, proof=None, send="post", **changes):
    """`/par` with a good request, but for `changes`."""
    headers = {} if authorization == "" else {"authorization": authorization or basic()}
    if proof:
        headers["dpop"] = proof
    return getattr(browser.http, send)("/par", ask(**changes), headers=headers, secure=True)


def pushed(browser, **changes):
    """The `request_uri` of a good request."""
    response = push(browser, **changes)
    assert response.status_code == 201, response.content
    return response.json()["request_uri"]


def bring(browser, request_uri, **beside):
    """The browser comes with it; and with what the application, or somebody else, put beside it."""
    parameters = {"client_id": "payroll", "request_uri": request_uri} | beside
    return browser.http.get("/authorize", parameters, secure=True)
