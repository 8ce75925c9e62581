"""The pages of a recovery, in the order a person meets them."""

from django.urls import path

from recovery import activation, endings, how, new_factors, register, username_pages, views

urlpatterns = [
    path("", views.identify, name="recovery-identify"),
    path("activate/", activation.activate, name="recovery-activate"),
    path("how/", how.how, name="recovery-how"),
    path("username/", username_pages.ask, name="recovery-username"),
    path("username/sent/", username_pages.sent, name="recovery-username-sent"),
    path("problem/", views.problem, name="recovery-problem"),
    path("method/", views.method, name="recovery-method"),
    path("none/", views.none_of_these, name="recovery-none"),
    path("address/", views.address, name="recovery-address"),
    path("code/", views.code, name="recovery-code"),
    path("passkey/", views.passkey, name="recovery-passkey"),
    path("passkey/options", views.passkey_options, name="recovery-passkey-options"),
    path("current-password/", views.current_password, name="recovery-current-password"),
    path("stranded/", endings.stranded, name="recovery-stranded"),
    path("password/", endings.new_password, name="recovery-new-password"),
    path("password/passkey/", new_factors.passkey_instead, name="recovery-passkey-instead"),
    path("password/passkey/options", new_factors.passkey_instead_options, name="recovery-passkey-instead-options"),
    path("unlock/", endings.unlock, name="recovery-unlock"),
    path("factor/", new_factors.factor, name="recovery-factor"),
    path("factor/app/", new_factors.new_app, name="recovery-new-app"),
    path("factor/passkey/", new_factors.new_passkey, name="recovery-new-passkey"),
    path("factor/passkey/options", new_factors.new_passkey_options, name="recovery-new-passkey-options"),
    path("done/", endings.done, name="recovery-done"),
    path("ended/", endings.ended, name="recovery-ended"),
    path("register/", register.register, name="recovery-register"),
]
