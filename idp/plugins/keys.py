"""Keys under an app's own labels: deriving, sealing, digests."""

from idp.accounts.forgeries import met as forgery_met
from idp.keyring import (
    Part,
    Tampered,
    canonical,
    current_key_id,
    derive,
    digest,
    fingerprint,
    is_sealed,
    knows,
    seal,
)

__all__ = [
    "Part",
    "Tampered",
    "canonical",
    "current_key_id",
    "derive",
    "digest",
    "fingerprint",
    "forgery_met",
    "is_sealed",
    "knows",
    "seal",
]
