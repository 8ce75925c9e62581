"""Ending the pauses of an account whose owner has proved that it is theirs, and changing nothing else."""

from idp.accounts.pauses import Opened, Tries, open_again

__all__ = ["Opened", "Tries", "open_again"]
