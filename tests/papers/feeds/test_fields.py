from datetime import UTC, date, datetime

import pytest

from papers.feeds import fields


@pytest.mark.parametrize(
    "address",
    ["https://example.org/a?b=c#d", "http://example.org", " https://example.org/x \n"],
)
def test_web_addresses_are_kept(address: str) -> None:
    assert fields.url(address) == address.strip()


@pytest.mark.parametrize(
    "value",
    [
        "",
        None,
        17,
        "javascript:alert(1)",
        "data:text/html,x",
        "//example.org/x",
        "https://",
        "http://[::1",
        "https://example.org/a b",
        "https://example.org/\x07",
        "https://example.org/" + "x" * 2000,
    ],
)
def test_other_addresses_are_dropped(value: object) -> None:
    assert fields.url(value) == ""


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0),
        (10**9, 10**9),
        (10**9 + 1, None),
        (-1, None),
        (True, None),
        (3.0, None),
        ("3", None),
        (None, None),
    ],
)
def test_counts_are_whole_numbers_within_limits(value: object, expected: int | None) -> None:
    assert fields.count(value) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-05-24T17:34:15.000Z", datetime(2024, 5, 24, 17, 34, 15, tzinfo=UTC)),
        ("2026-04-17T00:00:00-04:00", datetime(2026, 4, 17, 4, tzinfo=UTC)),
        ("2026-04-17", datetime(2026, 4, 17, tzinfo=UTC)),
        ("Mon, 27 Apr 2026 00:00:00 -0400", datetime(2026, 4, 27, 4, tzinfo=UTC)),
        ("Tue, 24 Dec 2024 02:43:37 ", datetime(2024, 12, 24, 2, 43, 37, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-12:00", None),
        ("1899-12-31", None),
        ("yesterday", None),
        ("9" * 200, None),
        (20260417, None),
        (None, None),
    ],
)
def test_dates_are_converted_to_utc(text: object, expected: datetime | None) -> None:
    assert fields.moment(text) == expected


def test_the_day_is_that_of_the_written_time_zone() -> None:
    assert fields.day("Mon, 27 Apr 2026 22:00:00 -0400") == date(2026, 4, 27)
    assert fields.day("soon") is None


@pytest.mark.parametrize(
    "text",
    [
        "This paper has been withdrawn by the author. The proof has a gap.",
        "arXiv admin note: This submission has been withdrawn due to a violation",
        "This manuscript has been withdrawn by the authors because of a flaw",
        "Withdrawn by the author because this early version is out of date",
        "The paper was withdrawn, as Lemma 2 is wrong",
        "Withdrawn.",
        "withdrawn",
    ],
)
def test_withdrawn_papers_are_recognised(text: str) -> None:
    assert fields.withdrawn("An abstract.", text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Utilizing papers withdrawn from arXiv, we validate our methods",
        "such as that a drug has been withdrawn -- yet suppresses this",
        "vehicles are withdrawn to support the corridor",
        "four types: Cooperative, Dependent, Withdrawn, and Adversarial",
        "Withdrawn drugs are a source of labels",
    ],
)
def test_papers_about_withdrawing_are_not_withdrawn(text: str) -> None:
    assert not fields.withdrawn(text)


def test_characters_that_postgresql_cannot_store_are_removed() -> None:
    assert fields.raw("a\0b\ud800c\U0001f600") == "abc\U0001f600"


def test_a_document_error_is_one_bounded_line() -> None:
    error = fields.document_error("broken", "line one\nline two\0\ud800 " + "x" * 1000)
    assert str(error).startswith("broken: line one line two ")
    assert len(str(error)) == 300


def test_long_abstracts_are_cut_at_a_word() -> None:
    cut = fields.abstract("word " * 10_000)
    assert len(cut) <= fields.MAX_ABSTRACT
    assert cut.endswith("word…")


def test_the_number_and_length_of_author_names_are_limited() -> None:
    kept = fields.names([f"A{n}" for n in range(6000)])
    assert len(kept) == fields.MAX_AUTHORS
    assert len(fields.names(["x" * 500])[0]) == fields.MAX_NAME


def test_names_without_letters_are_dropped() -> None:
    assert fields.names(["GLM-V Team", ":", "", "7", "王伟"]) == ("GLM-V Team", "王伟")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2023/05/17 08:01:02", datetime(2023, 5, 17, 8, 1, 2, tzinfo=UTC)),
        ("2023/5/7", datetime(2023, 5, 7, tzinfo=UTC)),
        ("17-May-2023", datetime(2023, 5, 17, tzinfo=UTC)),
        ("17 May 2023", datetime(2023, 5, 17, tzinfo=UTC)),
        ("May 17th, 2023", datetime(2023, 5, 17, tzinfo=UTC)),
        ("2023 May 17", datetime(2023, 5, 17, tzinfo=UTC)),
        ("2023.05.17", datetime(2023, 5, 17, tzinfo=UTC)),
        # Not one day in all countries, or no day at all.
        ("05/06/2023", None),
        ("2023/05", None),
        ("2023/13/01", None),
        ("0001-01-01T00:00:00Z", None),
        ("0001/01/01", None),
    ],
)
def test_ambiguous_and_invalid_dates_are_dropped(text: str, expected: datetime | None) -> None:
    assert fields.moment(text) == expected


@pytest.mark.parametrize(
    "title",
    [
        "Ropes. (arXiv:2101.00001v2 [cs.CL] UPDATED)",
        "Ropes (arXiv:2101.00001v1 [math.AG])",
        "Ropes. (arXiv:hep-th/9901001v3 [hep-th] CROSS LISTED)",
        "Ropes (arXiv:2101.00001)",
    ],
)
def test_suffixes_of_old_arxiv_feeds_are_removed_from_titles(title: str) -> None:
    assert fields.tex_title(title) == "Ropes"
