"""The right to write one particular credential, once.

A `Proof` says whose credential, which kind, which version it replaces and how it was earned. The writer
(`idp.accounts.credentials`) takes a proof and never an account, so nobody can pass the wrong one. There is no
table of spent proofs: spending one is the write itself, bound to the version it names, and a second spend finds
another version and changes nothing.

Instead of a flag in the session (every view that forgets to look is a hole) or a signed token in a link (a
longer-lived and forwardable thing), because a value with one importer and one call site can be reviewed.
Python cannot hide a constructor; the import contracts and tests/architecture/test_call_sites.py keep it rare.
"""

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

#: A proof is minted where it is spent, in the same request.
PROOF_LIFETIME = timedelta(seconds=60)


_PASSWORD = "password"


class Earned(StrEnum):
    """How the right was come by. An administrator's word is not among them."""

    #: The owner finished a recovery; `source` is the journey. It may be their first password.
    RECOVERY = "recovery"
    #: An invited person, who read their letter, sets up an account that was never used; it replaces nothing. `source`
    #: is the journey, or the invitation whose address it is.
    ACTIVATION = "activation"
    #: The owner re-entered the credential that is replaced; `source` is their sign-in.
    CURRENT_CREDENTIAL = "current_credential"
    #: The owner, who has just shown again who they are, adds or removes a factor or an address; `source` is their
    #: sign-in. It never reaches a password.
    STEP_UP = "step_up"
    #: A right password, stored with outdated parameters, is stored anew; `source` is the credential.
    REHASH = "rehash"
    #: A new account brought from another system; it replaces nothing. `source` is the account.
    IMPORT = "import"


@dataclass(frozen=True, kw_only=True)
class Proof:
    """Whose (`user`), what (`kind`), which version it replaces (0: there is none yet), until when."""

    user: uuid.UUID
    kind: str
    replaces: int
    earned: Earned
    source: uuid.UUID
    expires_at: datetime
    id: uuid.UUID = field(default_factory=uuid.uuid4)
    #: Which row, where an account may have several of the kind; for a first version, the one it will be.
    row: uuid.UUID = field(default_factory=uuid.uuid4)

    def __post_init__(self) -> None:
        if self.earned in (Earned.IMPORT, Earned.ACTIVATION) and self.replaces:
            raise ValueError("An import and an activation write first credentials only; they replace nothing.")
        if self.earned in (Earned.REHASH, Earned.CURRENT_CREDENTIAL) and not self.replaces:
            raise ValueError("This proof replaces a credential, so it must name the version.")
        if self.earned is Earned.STEP_UP and self.kind == _PASSWORD:
            raise ValueError("A password is replaced against itself, or by recovery; being signed in is not enough.")
