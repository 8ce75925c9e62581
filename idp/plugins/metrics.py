"""What an app counts, beside what idp does: into the same files, read at the same address."""

from idp.metrics import Counter

__all__ = ["Counter"]
