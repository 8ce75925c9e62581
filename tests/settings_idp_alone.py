"""The provider with recovery taken out: two lines of settings, and nothing else."""

from tests.settings import *  # noqa: F403

INSTALLED_APPS = ["idp"]
IDP_PLUGINS: list[str] = []
