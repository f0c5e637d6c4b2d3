"""Read the documents of Zotero's API. Pure.

An unexpected document gives fewer values, never an exception.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from papers.text.identity import title_key
from papers.text.markup import one_line
from subscriptions.profiles.references import Reference, read_reference

KEY = re.compile(r"[23456789A-Z]{8}")
NO_PAPERS = ("attachment", "note", "annotation")  # item types
MAX_NAME = 255  # characters of a collection with its parents, as wide as the column
MAX_DEPTH = 20  # of collections
MAX_DETAIL = 200  # characters of Zotero's message


@dataclass(frozen=True, slots=True)
class KeyRights:
    """The owner of a key, and what it may do in the owner's library."""

    user_id: int
    username: str
    may_read: bool
    may_write: bool
    may_write_notes: bool


def read_key(document: Any) -> KeyRights | None:
    """Return the rights of a key, or None if the document is not about a key."""
    user_id = _of(document, "userID")
    if not isinstance(user_id, int):
        return None
    access = _of(document, "access", "user")
    may_write = _of(access, "library") is True and _of(access, "write") is True
    return KeyRights(
        user_id=user_id,
        username=one_line(str(_of(document, "username") or ""))[:MAX_NAME],
        may_read=_of(access, "library") is True,
        may_write=may_write,
        may_write_notes=may_write and _of(access, "notes") is True,
    )


def read_collections(documents: Iterable[Any]) -> list[dict[str, str]]:
    """Return `key` and `name` of the collections, sorted; "Parent / Child" is a nested one."""
    data = {key: _of(one, "data") for one in documents if (key := object_key(one))}
    named = [{"key": key, "name": _full_name(key, data)} for key in data]
    return sorted(named, key=lambda one: (one["name"].casefold(), one["key"]))


def _full_name(key: str, data: Mapping[str, Any]) -> str:
    names: list[str] = []
    while key in data and len(names) < MAX_DEPTH:
        names.insert(0, one_line(str(_of(data[key], "name") or "")) or key)
        parent = _of(data[key], "parentCollection")
        key = parent if isinstance(parent, str) else ""
    name = " / ".join(names)
    return name if len(name) <= MAX_NAME else f"…{name[1 - MAX_NAME :]}"


def read_examples(documents: Iterable[Any]) -> list[dict[str, str]]:
    """Return title, arXiv ID, DOI and the day added of the papers among items."""
    found = []
    for document in documents:
        reference = item_reference(document)
        if reference is None or not (reference.title or reference.arxiv_id or reference.doi):
            continue
        added = str(_of(document, "data", "dateAdded") or "")[:20]
        found.append(
            {
                "title": reference.title,
                "arxiv_id": reference.arxiv_id,
                "doi": reference.doi,
                "added": added,
            }
        )
    return found


def item_reference(document: Any) -> Reference | None:
    """Return the paper that an item describes; None for notes and attachments."""
    data = _of(document, "data")
    if not isinstance(data, dict) or data.get("itemType") in NO_PAPERS:
        return None
    fields = {name.lower(): value[:1000] for name, value in data.items() if isinstance(value, str)}
    return read_reference(fields | {"journal": fields.get("publicationtitle", "")})


def find_work(documents: Iterable[Any], arxiv_id: str, doi: str, title: str) -> Any:
    """Return the first item that is the same work, or None.

    Items with another arXiv ID or DOI are other works, even if the title is the same. The DOI that
    arXiv gives a preprint does not count as one.
    """
    for document in documents:
        other = item_reference(document)
        if other and object_key(document) and _is_same(other, arxiv_id, doi, title):
            return document
    return None


def _is_same(other: Reference, arxiv_id: str, doi: str, title: str) -> bool:
    if arxiv_id and other.arxiv_id:
        return arxiv_id == other.arxiv_id
    if doi and other.doi:
        return doi.lower() == other.doi.lower()
    return bool(title_key(title)) and title_key(title) == title_key(other.title)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why one object of a write was not written: an HTTP status and Zotero's message."""

    code: int
    message: str

    @property
    def is_temporary(self) -> bool:
        """Return whether the same object may be accepted later."""
        return self.code in (409, 412, 428, 429) or self.code >= 500


def read_write(document: Any, count: int) -> list[Failure | None]:
    """Return the failure of each of `count` objects in a write, or None if it was written.

    An object that the answer does not mention counts as failed.
    """
    written = {*_entries(document, "success"), *_entries(document, "unchanged")}
    written |= {*_entries(document, "successful")}
    failed = _entries(document, "failed")
    indexes = map(str, range(count))
    return [None if one in written else _failure(failed.get(one)) for one in indexes]


def _entries(document: Any, name: str) -> Mapping[str, Any]:
    entries = _of(document, name)
    return entries if isinstance(entries, dict) else {}


def _failure(document: Any) -> Failure:
    code = _of(document, "code")
    message = one_line(str(_of(document, "message") or ""))[:MAX_DETAIL]
    return Failure(code if isinstance(code, int) else 500, message)


def object_key(document: Any) -> str:
    """Return the key of an item or collection, or ""."""
    key = _of(document, "key")
    return key if isinstance(key, str) and KEY.fullmatch(key) else ""


def collection_keys(document: Any) -> list[str]:
    """Return the keys of the collections that hold an item."""
    keys = _of(document, "data", "collections")
    return [key for key in keys if isinstance(key, str)] if isinstance(keys, list) else []


def object_version(document: Any) -> int:
    """Return the version of an item, or 0."""
    version = _of(document, "version")
    return version if isinstance(version, int) else 0


def _of(document: Any, *names: str) -> Any:
    """Return the value at a path of names, or None."""
    for name in names:
        document = document.get(name) if isinstance(document, dict) else None
    return document
