"""What a finished recovery turns into. One module of one app may import this (tests/architecture/contracts.ini)."""

from idp.accounts.proofs import PROOF_LIFETIME, Earned, Proof

__all__ = ["PROOF_LIFETIME", "Earned", "Proof"]
