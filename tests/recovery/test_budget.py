"""How many SQL statements each step of a recovery takes: counted, so that nobody adds one unnoticed."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.conftest import NEW_PASSWORD
from tests.journeys.test_budget import statements
from tests.story import Person, code_in, post_office

#: What is sent at each page, and how many statements judging it and showing the page after it take at the most.
STEPS = [
    ("identify", {"identifier": "jane"}, 12, 2),
    ("problem", {"problem": "forgot"}, 3, 2),
    ("method", {"method": "email"}, 3, 2),
    ("address", {"address": "jane@contoso.example"}, 15, 4),
    ("code", {"code": "{code}"}, 19, 8),
    ("password", {"new_password": NEW_PASSWORD}, 34, 2),
]


def counted(act):
    with CaptureQueriesContext(connection) as captured:
        answer = act()
    return answer, statements(captured)


def test_each_step_takes_a_bounded_number_of_statements(jane):
    person = Person()
    person.open("/recovery/")
    for name, form, most, most_after in STEPS:
        code = code_in(post_office()[-1]) if name == "code" else ""
        fields = {key: value.format(code=code) for key, value in form.items()}
        token = person.page.parsed.fields["csrfmiddlewaretoken"][0]
        response, taken = counted(lambda: person.post(person.page.url, {"csrfmiddlewaretoken": token, **fields}))  # noqa: B023 -- called at once
        assert response.status_code == 303, name
        assert len(taken) <= most, f"{name}: {len(taken)}\n" + "\n".join(taken)
        _page, taken = counted(lambda: person.open(response["Location"]))  # noqa: B023 -- called at once
        assert len(taken) <= most_after, f"after {name}: {len(taken)}\n" + "\n".join(taken)
    assert person.page.name == "recovery-done"


@pytest.mark.parametrize("identifier", ["jane", "nobody"])
def test_nobody_takes_as_many_to_begin(jane, identifier):
    person = Person()
    person.open("/recovery/")
    _page, taken = counted(lambda: person.submit(identifier=identifier))
    assert len(taken) == 14
