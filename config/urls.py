"""Every address of the provider, and of the apps that plug into it."""

from django.urls import include, path

urlpatterns = [path("", include("idp.urls"))]
