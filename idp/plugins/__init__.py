"""The front door of `idp`: what another app may use, and where it may hook in.

`hooks` is what a plug-in may answer to; the other modules are what it may ask for. An app that plugs in imports
nothing else of `idp` (tests/architecture/contracts.ini).
"""
