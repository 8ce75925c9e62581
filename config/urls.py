"""Every address: the provider's, then those of the apps that plug into it."""

from idp import urls
from idp.plugins import hooks

handler400 = "idp.problems.unreadable"
handler404 = "idp.problems.not_found"
handler500 = "idp.problems.failed"

urlpatterns = [
    *urls.urlpatterns,
    *hooks.urlpatterns(),
]
