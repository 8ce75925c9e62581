"""Passkeys (WebAuthn level 3): a second factor, or a whole sign-in by itself, for whoever added one.

In the order of a ceremony:

    challenges  a challenge for one purpose and one browser, answered once
    wire        what goes to the browser, and what its answer proves; the only place that knows the ceremony library
    answers     whose passkey was shown, and what that is worth
    adding      a new one, for its owner

The library is `webauthn`, which judges bytes and nothing else. Instead of django-otp-webauthn, which brings devices and
views as well: it stands on contrib.auth and on users with integer keys, and its `complete_auth` signs people in by
itself, past `idp.login.entrance`, where sessions, known browsers, notices and the audit are.

Every passkey here can be found without a name (discoverable), and every use of one asks for its owner's finger, face or
PIN (user verification): that is what makes it two factors at once. Both are required by the server, whatever a client
says. Attestation is not asked for, and what comes unasked is not looked at: people bring what they have.
"""
