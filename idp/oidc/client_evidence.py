"""Whether every application is as the last entry about it in the audit says.

The seal shows that a row was written with the root key; this shows that what was written has its entry. Somebody who
holds database and keys and gives an application another redirect URI has to write that into the history too.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from idp.audit.client_acts import ClientChanged, ClientDescribed, ClientDisabled, ClientEnabled, ClientSecretReplaced
from idp.audit.events import ClientRegistered
from idp.models import AuditEntry, Client
from idp.models.batches import in_batches
from idp.oidc import client_seals

#: The events that leave an application's row otherwise than it was.
_WRITTEN = tuple(
    str(event.name)
    for event in (
        *(ClientRegistered, ClientDescribed, ClientChanged),
        *(ClientSecretReplaced, ClientDisabled, ClientEnabled),
    )
)


@dataclass(frozen=True, kw_only=True)
class Discrepancy:
    """An application that is not as we wrote it."""

    client_id: str
    what: str


@dataclass
class Reconciliation:
    """One comparison of all applications with the audit. Holds a line for each application, no more."""

    #: How many the audit can say nothing of: the last entry about them is older than what entries say of it now.
    untold: int = 0
    _said: dict[str, str] = field(default_factory=dict)

    def discrepancies(self) -> Iterator[Discrepancy]:
        """Applications that something else wrote, changed or deleted. Nothing yielded: they are as the audit says."""
        self.untold, self._said = 0, _last_said()
        for client in in_batches(Client.objects.all()):
            if what := self._objection_to(client):
                yield Discrepancy(client_id=client.client_id, what=what)
            self._said.pop(client.client_id, None)
        for client_id in sorted(self._said):
            what = "the audit has this application, the table has not: something else deleted or renamed it"
            yield Discrepancy(client_id=client_id, what=what)

    def _objection_to(self, client: Client) -> str:
        if not client_seals.is_intact(client):
            return "its seal does not match: something else wrote it"
        said = self._said.get(client.client_id)
        if said is None:
            return "the audit has not registered it"
        if not said:
            self.untold += 1
            return ""
        return (
            "" if said == client_seals.digest_of(client) else "it says something else than its last entry in the audit"
        )


def _last_said() -> dict[str, str]:
    """What the last entry about each application says of it; empty where it is an older one, which says nothing."""
    entries = in_batches(AuditEntry.objects.filter(name__in=_WRITTEN))
    return {entry.details["client_id"]: entry.details.get("says", "") for entry in entries}
