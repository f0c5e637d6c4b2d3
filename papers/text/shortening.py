"""Shorten texts and lists of names for display. Pure."""

from collections.abc import Sequence

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from papers.text.markup import one_line


def truncate(text: str, most: int) -> str:
    """At most so many characters, the last an ellipsis where something is left out."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def short_authors(authors: Sequence[str], limit: int = 3) -> str:
    """ "A. One, B. Two, C. Three and 14 more"."""
    return join_names([name for name in map(one_line, authors) if name], limit)


def join_names(names: Sequence[str], most: int | None = None) -> str:
    """ "one, two and three"; beyond `most` of them "one, two and 14 more", but nobody is left out
    for the sake of "1 more"."""
    if most and len(names) > most + 1:
        more = number_format(len(names) - most, force_grouping=True)
        return _("%(names)s and %(more)s more") % {"names": ", ".join(names[:most]), "more": more}
    if len(names) < 2:
        return "".join(names)
    return _("%(names)s and %(last)s") % {"names": ", ".join(names[:-1]), "last": names[-1]}
