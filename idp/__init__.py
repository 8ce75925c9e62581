"""The provider: who people are, and what applications may know of them.

In the order a browser meets them:

    URL                                   enters at                    what happens
    /.well-known/openid-configuration     oidc.discovery               where everything is, and what is offered
    /authorize                            oidc.authorize               validated; answered at once, or written down as
                                                                       an Interaction bound to this browser
    /continue?i=                          oidc.authorize.resume        login.dispatch.next_step(facts): the only place
                                                                       that says what comes next
    /sign-in?i=                           login.views.sign_in          name and password; the way to recovery comes
                                                                       from plugins.hooks.rescue, not from an import
    /sign-in/factor?i=                    login.factor                 the second factor; who judges is factors.tries
    /sign-in/set-up?i=                    login.set_up                 one has to be added first
    /sign-in/again?to=                    login.again                  the password once more, before what is sensitive
    (a plug-in's page)                    login.interrupting           it wants something of somebody first
    /consent?i=                           login.views.consent          what the application will see
    /token                                oidc.views.token             code or refresh token in, tokens out
    /userinfo                             oidc.userinfo                claims for an access token
    /jwks                                 oidc.keys                    public keys
    /sign-out, /signed-out                oidc.logout                  RP-initiated logout
    /recovery/stop/?t=                    login.freezing               "it wasn't me", from a notice: everything stops
    /account/…                            account.urls                 the owner's pages: one module each
    /account/factors/…                    account.factors              second factors: add, name, remove
    /console/…                            console.urls                 the administrators' pages, behind console.door
    /healthz, /readyz                     probes                       alive; ready

Where things are decided, done and kept:

    models      the record: one file for each kind of row
    keyring     root keys in, derived keys out: seals, digests, encryption
    guards      triggers under the credentials; startup checks that they are there
    statements  what every code flow asks the database, written once
    audit       what happened, as a hash chain with a sealed head
    accounts    finding an account, the one writer of credentials, password rules, sessions, deleting
    outbox      a message to send is a row first; delivery hands it over; tasks are Celery's side of it
    throttle    limits of record: so many in a period, and pauses that grow; stuffing the one coarse count in Redis
    factors     second factors: judging an answer, adding and removing
    hashing     the bounded pool that passwords are hashed in
    login       dispatch decides, views show
    oidc        the protocol; the only place that knows Authlib
    plugins     the front door for other apps

Imports go down; tests/architecture/contracts.ini holds the order.
"""
