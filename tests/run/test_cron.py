"""A schedule is read as the server reads it, and what would hang or surprise is refused before anything is changed."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.run.cron import FIELDS, check_cron


@pytest.mark.parametrize(
    "text",
    [
        "0 0 3 * * *",
        "*/5 * * * * ?",
        "0 30 2-6,22 1,15 jan-MAR Mon",
        "59 59 23 31 12 6",
        "0 0 0 29 2 *",
        "0 0 0 31 2 mon",  # the days of a week come all the same
        "5/10 * * * * 1-5/2",
        "@daily",
        "@every 1h30m",
    ],
)
def test_what_the_server_can_follow_is_taken(text: str) -> None:
    assert check_cron(text) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0 3 * * *", "six fields, seconds first, and this one has 5; write 0 0 3 * * *"),
        ("", "this one has 0"),
        ("0 0 0 3 * * *", "this one has 7"),
        ("60 0 0 * * *", "'60' is no value for seconds, 0 to 59"),
        ("0 0 24 * * *", "hours, 0 to 23"),
        ("0 0 0 0 * *", "days of a month, 1 to 31"),
        ("0 0 0 * 13 *", "months, 1 to 12"),
        ("0 0 0 * * 7", "days of a week, 0 to 6"),
        ("0 0 0 * mon *", "'mon' is no value for months"),
        ("0 0 5-3 * * *", "'5-3' is an empty range of hours"),
        ("0 */0 * * * *", "'*/0' is an empty range of minutes"),
        ("0 1, * * * *", "'' is no value for minutes"),
        ("0 -1 * * * *", "'-1' is no value for minutes"),
        ("0 *-3 * * * *", "'*-3' is no value for minutes"),
        ("0 1/2/3 * * * *", "is no value for minutes"),
        ("0 ٣ * * * *", "is no value for minutes"),
        ("0 0 0 31 2 *", "such a day never comes"),
        ("0 0 0 31 4,6,9-9 ?", "such a day never comes"),
        ("@noon", "is none of @yearly"),
        ("@every day", "not like @every 1h30m"),
    ],
)
def test_what_it_cannot_follow_is_told(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        check_cron(text)


@given(st.tuples(*(st.integers(field.least, field.most) for field in FIELDS)))
def test_every_single_moment_that_comes_is_taken(moment: tuple[int, ...]) -> None:
    text = " ".join(map(str, moment))
    assert check_cron(text) == text


@given(st.text(alphabet="0123456789*?/,-@ abemjnov\n", max_size=30))
def test_any_text_is_taken_or_told(text: str) -> None:
    with suppress(ValueError):
        assert check_cron(text) == text
