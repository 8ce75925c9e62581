"""The commands by which Django lets an operator into an account refuse, and say what to do instead."""

import pytest
from django.core.management import CommandError, ManagementUtility, call_command, get_commands

REFUSING = ["changepassword", "createsuperuser"]


@pytest.mark.parametrize("command", REFUSING)
def test_the_command_refuses_and_says_what_to_do_instead(command):
    with pytest.raises(CommandError, match="Can't access your account") as refusal:
        call_command(command)

    assert refusal.value.returncode == 1


@pytest.mark.parametrize("command", REFUSING)
@pytest.mark.parametrize(
    "arguments", [[], ["anna"], ["--database", "default", "anna"], ["--noinput"], ["--username=x"]]
)
def test_the_command_refuses_whatever_it_is_asked(command, arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        ManagementUtility(["manage.py", command, *arguments]).execute()

    assert ended.value.code == 1
    assert "Can't access your account" in capsys.readouterr().err


def test_django_brings_no_command_of_its_own_that_could_set_a_password():
    owners = {name: owner for name, owner in get_commands().items() if name in REFUSING}
    assert owners == dict.fromkeys(REFUSING, "idp")
