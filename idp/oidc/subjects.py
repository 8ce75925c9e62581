"""Who somebody is to an application (OpenID Connect Core 8): the same to all, or another to each sector.

A pairwise subject is a keyed digest: two applications of different sectors cannot find out by comparing that they
speak of the same person, and nothing has to be stored for it. It is as stable as the oldest root key, which stays.
"""

from urllib.parse import urlsplit

from idp import keyring
from idp.models import Client, User

PAIRWISE = "pairwise"


def of(user: User, client: Client) -> str:
    """The `sub` of `user` for `client`, in every token, answer and hint."""
    if client.subject_type != PAIRWISE:
        return user.sub
    return keyring.digest("pairwise-subject", sector(client), user.sub)


def sector(client: Client) -> str:
    """Section 8.1: the host that was verified at registration; or else the one host of its redirect URIs."""
    return client.sector_identifier or hosts(client.redirect_uris)[0]


def hosts(uris: list[str]) -> list[str]:
    """The hosts of `uris`, each once. Raises ValueError if one has none."""
    found = [urlsplit(uri).hostname for uri in uris]
    if None in found:
        raise ValueError("an address without a host")
    return sorted({host.lower() for host in found if host})
