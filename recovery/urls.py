"""The pages of a recovery, in the order a person meets them."""

from django.urls import path

from recovery import username_pages, views

urlpatterns = [
    path("", views.identify, name="recovery-identify"),
    path("username/", username_pages.ask, name="recovery-username"),
    path("username/sent/", username_pages.sent, name="recovery-username-sent"),
    path("problem/", views.problem, name="recovery-problem"),
    path("method/", views.method, name="recovery-method"),
    path("address/", views.address, name="recovery-address"),
    path("code/", views.code, name="recovery-code"),
    path("password/", views.new_password, name="recovery-new-password"),
    path("unlock/", views.unlock, name="recovery-unlock"),
    path("done/", views.done, name="recovery-done"),
    path("ended/", views.ended, name="recovery-ended"),
]
