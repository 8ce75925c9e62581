"""The record: one file for each kind of row. Rules live above, in `accounts`, `oidc` and `audit`."""

from idp.models.address_claim import AddressClaim, AddressNote
from idp.models.audit import AuditEntry, AuditHead
from idp.models.ceremony import Ceremony
from idp.models.client import Client
from idp.models.consent import Consent
from idp.models.counter import Counter
from idp.models.credential import Credential, Factor, RecoveryAddress, SpentCode
from idp.models.device import Device
from idp.models.evidence import AuditExport, ForgedRow, SealCheck
from idp.models.grant import AccessToken, Grant
from idp.models.handover import AddressMark, Handover
from idp.models.interaction import Interaction
from idp.models.invitation import Invitation
from idp.models.message import Message
from idp.models.proposal import Proposal
from idp.models.role import Role
from idp.models.seen import Seen
from idp.models.sign_in import PendingSignIn, SignIn
from idp.models.signing_key import SigningKey
from idp.models.tombstone import Tombstone
from idp.models.user import User

__all__ = [
    "AccessToken",
    "AddressClaim",
    "AddressMark",
    "AddressNote",
    "AuditEntry",
    "AuditExport",
    "AuditHead",
    "Ceremony",
    "Client",
    "Consent",
    "Counter",
    "Credential",
    "Device",
    "Factor",
    "ForgedRow",
    "Grant",
    "Handover",
    "Interaction",
    "Invitation",
    "Message",
    "PendingSignIn",
    "Proposal",
    "RecoveryAddress",
    "Role",
    "SealCheck",
    "Seen",
    "SignIn",
    "SigningKey",
    "SpentCode",
    "Tombstone",
    "User",
]
