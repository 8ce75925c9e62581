"""The administrators' pages, in the order of the menu."""

from django.urls import path

from idp.console.delivery import delivery, home
from idp.console.policy import policy
from idp.console.recovery import recovery

urlpatterns = [
    path("", home, name="console"),
    path("delivery/", delivery, name="console-delivery"),
    path("recovery/", recovery, name="console-recovery"),
    path("policy/", policy, name="console-policy"),
]
