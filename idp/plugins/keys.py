"""Keys under an app's own labels: deriving, sealing, digests."""

from idp.accounts.forgeries import refused as forgery_refused
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
    "forgery_refused",
    "is_sealed",
    "knows",
    "seal",
]
