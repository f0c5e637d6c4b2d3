"""Shorten texts and lists of names for display. Pure."""

from collections.abc import Sequence

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from papers.text.markup import one_line


def truncate(text: str, most: int) -> str:
    """Cut text to `most` characters, the last of them an ellipsis if it is cut."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def short_authors(authors: Sequence[str], limit: int = 3) -> str:
    """Return an author list such as "A. One, B. Two, C. Three and 14 more"."""
    return join_names([name for name in map(one_line, authors) if name], limit)


def join_names(names: Sequence[str], most: int | None = None) -> str:
    """Return "one, two and three", or "one, two and 14 more" beyond `most` names.

    "1 more" is never used: the last name is given instead.
    """
    if most and len(names) > most + 1:
        more = number_format(len(names) - most, force_grouping=True)
        return _("%(names)s and %(more)s more") % {"names": ", ".join(names[:most]), "more": more}
    if len(names) < 2:
        return "".join(names)
    return _("%(names)s and %(last)s") % {"names": ", ".join(names[:-1]), "last": names[-1]}
