"""Problems of a typed query, and how they are explained to the person who typed it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy


class Kind(StrEnum):
    UNKNOWN_FIELD = "unknown-field"
    NO_VALUE = "no-value"
    BAD_DATE = "bad-date"
    BAD_SUBJECT = "bad-subject"
    BAD_ID = "bad-id"
    BAD_CHOICE = "bad-choice"
    BAD_TEXT = "bad-text"
    OPEN_QUOTE = "open-quote"
    OPEN_GROUP = "open-group"
    UNOPENED_GROUP = "unopened-group"
    DANGLING = "dangling"
    UNSUPPORTED = "unsupported"
    WILDCARD = "wildcard"
    TOO_LONG = "too-long"
    TOO_MANY = "too-many"
    TOO_DEEP = "too-deep"
    ONLY_EXCLUDED = "only-excluded"


@dataclass(frozen=True, slots=True)
class Problem:
    """A part of a query that could not be used: `text` as typed, `hint` for what could be meant."""

    kind: Kind
    text: str = ""
    hint: str = ""


MESSAGES = {
    Kind.UNKNOWN_FIELD: gettext_lazy(
        "“%(text)s” isn't a search field, so we searched for the text after it."
    ),
    Kind.NO_VALUE: gettext_lazy("“%(text)s” has no value, so we left it out."),
    Kind.BAD_DATE: gettext_lazy(
        "We couldn't read the date in “%(text)s” and left it out. Dates look like 2026-04-30, "
        "2026-04, 2026, 2026-04-01..2026-04-15 or 7d."
    ),
    Kind.BAD_SUBJECT: gettext_lazy(
        "We couldn't read the subject in “%(text)s” and left it out. Subjects look like cat:cs.CL."
    ),
    Kind.BAD_ID: gettext_lazy("“%(text)s” has no arXiv ID or DOI, so we left it out."),
    Kind.BAD_CHOICE: gettext_lazy("We don't know “%(text)s” and left it out."),
    Kind.BAD_TEXT: gettext_lazy("“%(text)s” has no words, so we left it out."),
    Kind.OPEN_QUOTE: gettext_lazy(
        "The quotation mark before “%(text)s” isn't closed, so the phrase goes on to the end."
    ),
    Kind.OPEN_GROUP: gettext_lazy("A parenthesis isn't closed, so the group goes on to the end."),
    Kind.UNOPENED_GROUP: gettext_lazy("We ignored a closing parenthesis without an opening one."),
    Kind.DANGLING: gettext_lazy("“%(text)s” has nothing to act on, so we ignored it."),
    Kind.UNSUPPORTED: gettext_lazy(
        "We ignored “%(text)s”: weights, distances and similar spellings can't be set."
    ),
    Kind.WILDCARD: gettext_lazy(
        "In “%(text)s” the * was ignored: it works at the end of a word of three letters or more."
    ),
    Kind.TOO_LONG: gettext_lazy("The query is too long: only its first %(text)s characters count."),
    Kind.TOO_MANY: gettext_lazy("The query is too long: only its first %(text)s words count."),
    Kind.TOO_DEEP: gettext_lazy(
        "We ignored parentheses inside more than %(text)s other pairs of parentheses."
    ),
    Kind.ONLY_EXCLUDED: gettext_lazy("Add something to search for, not only words to leave out."),
}


def describe_problem(problem: Problem) -> str:
    """Return the problem in one or two sentences, in the active language."""
    message = str(MESSAGES[problem.kind]) % {"text": problem.text}
    if not problem.hint:
        return message
    names = problem.hint
    if problem.kind == Kind.UNKNOWN_FIELD and ", " in names:
        hint = _("Search fields: %(names)s.")
    else:
        hint, names = _("Did you mean %(names)s?"), _(" or ").join(names.split(", "))
    return f"{message} {hint % {'names': names}}"
