"""The record: one file for each kind of row. Rules live above, in `accounts`, `oidc` and `audit`."""

from idp.models.audit import AuditEntry, AuditHead
from idp.models.client import Client
from idp.models.consent import Consent
from idp.models.counter import Counter
from idp.models.credential import Credential, RecoveryAddress
from idp.models.grant import AccessToken, Grant
from idp.models.handover import AddressMark, Handover
from idp.models.interaction import Interaction
from idp.models.message import Message
from idp.models.seen import Seen
from idp.models.sign_in import SignIn
from idp.models.signing_key import SigningKey
from idp.models.user import User

__all__ = [
    "AccessToken",
    "AddressMark",
    "AuditEntry",
    "AuditHead",
    "Client",
    "Consent",
    "Counter",
    "Credential",
    "Grant",
    "Handover",
    "Interaction",
    "Message",
    "RecoveryAddress",
    "Seen",
    "SignIn",
    "SigningKey",
    "User",
]
