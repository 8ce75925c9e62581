"""What administrators can do to an account, by the words that stand in its addresses."""

from enum import StrEnum


class Verb(StrEnum):
    """In the order of the page."""

    SESSIONS = "end-sessions"
    SUSPEND = "suspend"
    RECOVER = "require-recovery"
    LIFT = "lift"
    #: Propose that they become an administrator: giving that power takes two.
    PROMOTE = "propose"
    DEMOTE = "end-role"
    DELETE = "delete"
