"""Payroll: an application that signs people in with an OpenID Connect provider, to learn from.

`app.py` is the whole of it. Start it with `python -m examples.relying_party`; it is told where it belongs by
four environment variables: ISSUER, CLIENT_ID, CLIENT_SECRET and PORT.
"""
