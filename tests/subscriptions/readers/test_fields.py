from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.forms import Field

from subscriptions.readers.fields import (
    CategoriesField,
    GuessedZoneField,
    ListField,
    NamesField,
    PapersField,
    RangeField,
    ZoneField,
)


def refusal(field: Field, typed: str) -> str:
    with pytest.raises(ValidationError) as caught:
        field.clean(typed)
    return " ".join(caught.value.messages)


@pytest.mark.parametrize(
    "typed",
    [
        *["cs.CL stat.ML", "cs.CL, stat.ML", "cs.CL\nstat.ML", "CS.cl;stat.ml", "cs.CL、stat.ML"],
        *[
            "[cs.CL] arXiv:stat.ML",
            "cs.CL,\r\n stat.ML,, cs.CL",
            "Computation and Language, stat.ML",
        ],
    ],
)
def test_categories_come_in_any_usual_form(typed: str) -> None:
    assert CategoriesField().clean(typed) == ["cs.CL", "stat.ML"]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("cs.CL cs.XX", "“cs.XX” isn't an arXiv category. Did you mean cs.AI"),
        ("cs.CLL", "Did you mean cs.CL"),
        ("quantph", "Did you mean quant-ph"),
        (
            "machine learning",
            "“machine learning” isn't an arXiv category. Did you mean cs.LG, stat.ML",
        ),
        ("robots", "Try cs.CL"),
    ],
)
def test_an_unknown_category_is_refused_by_naming_near_ones(typed: str, said: str) -> None:
    assert said in refusal(CategoriesField(), typed)


@pytest.mark.parametrize(
    "typed",
    [
        *["2401.00001 2402.00002", "2401.00001, 2402.00002", "2401.00001\n2402.00002v3"],
        *["https://arxiv.org/abs/2401.00001 arXiv:2402.00002", "2401.00001;2402.00002;"],
        *["arXiv:2401.00001v1 [cs.CL] https://arxiv.org/pdf/2402.00002"],
        *["(2401.00001) and".removesuffix(" and") + ", “2402.00002”."],
    ],
)
def test_papers_come_in_any_usual_form(typed: str) -> None:
    assert PapersField().clean(typed) == ["2401.00001", "2402.00002"]


def test_what_is_no_paper_is_named() -> None:
    assert "“attention” isn't an arXiv ID" in refusal(PapersField(), "2401.00001 attention")


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("Ann One, Bo Two", ["Ann One", "Bo Two"]),
        ("Ann One\nBo Two", ["Ann One", "Bo Two"]),
        ("Ann One and Bo Two", ["Ann One", "Bo Two"]),
        ("One, Ann; Two, Bo", ["Ann One", "Bo Two"]),
        ("One, Ann\nTwo, Bo", ["Ann One", "Bo Two"]),
        ("Ann One, Bo Two, Cy Three", ["Ann One", "Bo Two", "Cy Three"]),
        ("Ann One, Ann One,", ["Ann One"]),
    ],
)
def test_names_come_by_commas_or_lines(typed: str, names: list[str]) -> None:
    assert NamesField().clean(typed) == names


def test_phrases_stay_whole() -> None:
    typed = "long  context, flow matching\ndiffusion；agents"
    assert ListField().clean(typed) == ["long context", "flow matching", "diffusion", "agents"]


@pytest.mark.parametrize("typed", ["0", "-3", "31", "ten", "", "1.5"])
def test_a_number_out_of_range_is_told_the_range(typed: str) -> None:
    assert refusal(RangeField(min_value=1, max_value=30), typed) == (
        "Enter a whole number from 1 to 30."
    )


@pytest.mark.parametrize(
    ("guess", "zone"),
    [
        *[("Asia/Calcutta", "Asia/Kolkata"), ("Europe/Berlin", "Europe/Berlin")],
        *[("Etc/GMT+5", "Etc/GMT+5"), ("localtime", "UTC"), ("Moon/Crater", "UTC"), ("", "UTC")],
    ],
)
def test_the_zone_that_a_browser_guesses_never_stops_a_sign_up(guess: str, zone: str) -> None:
    assert GuessedZoneField(required=False).clean(guess) == zone


def test_a_zone_is_typed_as_a_place() -> None:
    assert ZoneField().clean("Munich") == "Europe/Berlin"
    assert "Did you mean Europe/London, America/New_York?" in refusal(ZoneField(), "Cambridge")
