"""The OpenID Connect provider: Authlib's flows under rules of our own, in the order a request meets them.

An authorization request, file by file:

    authorize    the endpoint, and `/continue`, where every page in between leads back to; `par` comes before them,
                 for requests that are pushed by the back channel
    checks       what is asked of a request, one row for each rule of a specification; `parameters` is what was
                 sent and what is kept, `claims_request` and `resources` read two parameters with rules of their own
    deciding     the facts, put before the dispatcher of `idp.login`
    answers      the way back to the application, with `iss` on every one; or a page, never both
    server       Authlib, with its defaults overridden in one place
    grants       the row behind it: code, refresh token and their one-time use, each decided by one statement
    access_tokens  a row each, opaque or not; `introspection` tells of them, `revocation` ends them
    id_tokens    what the application learns about who signed in; `claims` what it may read afterwards

What programs read: `discovery` (made from `supported`, which is also what is enforced), `keys`, `userinfo`.
Who they are: `clients`, `registration`, and `client_auth`, with `assertions` by `client_keys`; that a token is theirs:
`dpop`. What is signed outside is read in one place, `jose`; what may be shown once is `once`. The way out: `logout`.

This is the only package that speaks Authlib and joserfc.
"""
