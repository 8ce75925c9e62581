"""What the page on which a code is typed says of its message, and of a wrong code."""

from idp.code_pages import on_its_way, shown, wrong

__all__ = ["on_its_way", "shown", "wrong"]
