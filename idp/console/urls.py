"""The administrators' pages, in the order of the menu."""

from django.urls import path

from idp.console import applications as apps
from idp.console.acting import act
from idp.console.audit import audit, export
from idp.console.decisions import decisions
from idp.console.delivery import delivery
from idp.console.invitations import act as act_on_invitation
from idp.console.invitations import invitations
from idp.console.inviting_many import many
from idp.console.overview import overview
from idp.console.people import people
from idp.console.person import person
from idp.console.policy import policy
from idp.console.recovery import recovery
from idp.console.verbs import Verb

urlpatterns = [
    path("", overview, name="console"),
    path("people/", people, name="console-people"),
    path("people/<uuid:account>/", person, name="console-person"),
    *(path(f"people/<uuid:account>/{verb}/", act, {"verb": verb}, name=f"console-{verb}") for verb in Verb),
    path("invitations/", invitations, name="console-invitations"),
    path("invitations/many/", many, name="console-invite-many"),
    *(
        path(f"invitations/<uuid:invitation>/{word}/", act_on_invitation, {"verb": word}, name=f"console-{word}")
        for word in ("send-again", "cancel")
    ),
    path("applications/", apps.applications, name="console-applications"),
    path("applications/register/", apps.register, name="console-register"),
    path("applications/<slug:client_id>/", apps.application, name="console-application"),
    path("applications/<slug:client_id>/description/", apps.description, name="console-description"),
    path("applications/<slug:client_id>/security/", apps.security, name="console-security"),
    path("applications/<slug:client_id>/secret/", apps.secret, name="console-secret"),
    path("applications/<slug:client_id>/state/", apps.state, name="console-state"),
    path("decisions/", decisions, name="console-decisions"),
    path("audit/", audit, name="console-audit"),
    path("audit/export/", export, name="console-audit-export"),
    path("delivery/", delivery, name="console-delivery"),
    path("recovery/", recovery, name="console-recovery"),
    path("policy/", policy, name="console-policy"),
]
