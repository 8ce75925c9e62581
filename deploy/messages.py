"""Collect the texts to translate, keep the catalogues tidy, and compile them: `make messages`.

Django's makemessages does the collecting. What it leaves is put in the order of the texts, without dates and
without guesses: a difference in a catalogue is then a difference in what people read, and what has not been
translated is empty, which a test refuses.
"""

# ruff: noqa: INP001, S603 -- a script beside the package; it starts manage.py with words of our own

import subprocess
import sys
from pathlib import Path

import polib

ROOT = Path(__file__).resolve().parent.parent
COLLECT = "makemessages --no-location --no-wrap --no-obsolete --ignore .venv/* --ignore build/* --ignore tests/*"


def main() -> int:
    catalogues = sorted(ROOT.glob("*/locale/*/LC_MESSAGES/django.po"))
    languages = sorted({catalogue.parent.parent.name for catalogue in catalogues})
    chosen = [word for language in languages for word in ("--locale", language)]
    manage = [sys.executable, "-m", "examples.demo", "manage"]
    collected = subprocess.run([*manage, *COLLECT.split(), *chosen], cwd=ROOT, check=False)
    for catalogue in catalogues:
        tidy(catalogue)
    return collected.returncode


def tidy(path: Path) -> None:
    catalogue = polib.pofile(str(path), wrapwidth=0)
    for dated in ("POT-Creation-Date", "Report-Msgid-Bugs-To"):
        catalogue.metadata.pop(dated, None)
    for entry in catalogue:
        if entry.fuzzy:
            entry.flags.remove("fuzzy")
            entry.msgstr, entry.msgstr_plural = "", dict.fromkeys(entry.msgstr_plural, "")
            entry.previous_msgid = entry.previous_msgctxt = entry.previous_msgid_plural = None
    catalogue.sort(key=lambda entry: (entry.msgid, entry.msgctxt or ""))
    catalogue.save()
    catalogue.save_as_mofile(str(path.with_suffix(".mo")))
    untranslated = len(catalogue.untranslated_entries())
    sys.stdout.write(f"{path.relative_to(ROOT)}: {len(catalogue)} texts, {untranslated} to translate\n")


if __name__ == "__main__":
    sys.exit(main())
