"""The administrators' pages, in the order of the menu."""

from django.urls import path

from idp.console.delivery import delivery, home

urlpatterns = [
    path("", home, name="console"),
    path("delivery/", delivery, name="console-delivery"),
]
