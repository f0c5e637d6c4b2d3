"""Lenient XML parsing with lxml: elements by local name, broken documents as far as possible.

Local names are in lower case, because copies exist without namespaces and with "pubdate".
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from lxml import etree

from papers.feeds import fields
from papers.feeds.entries import Refusal

_REFERENCE = re.compile(rb"&#(?:x(?P<hex>[0-9a-f]{1,8})|(?P<decimal>[0-9]{1,8}));", re.I)


@dataclass(frozen=True, slots=True)
class Element:
    """The children of an XML element by local name; texts are stripped."""

    children: dict[str, list[etree._Element]]

    def all(self, *names: str) -> list[etree._Element]:
        return [child for name in names for child in self.children.get(name, ())]

    def texts(self, *names: str) -> list[str]:
        return [text for child in self.all(*names) if (text := _text(child))]

    def text(self, *names: str) -> str:
        for name in names:
            for child in self.children.get(name, ()):
                if text := _text(child):
                    return text
        return ""


def _text(node: etree._Element) -> str:
    text = "".join(map(str, node.itertext())) if len(node) else node.text or ""
    return text.strip()


def read(data: bytes, *names: str) -> tuple[Element, list[Element], tuple[Refusal, ...]]:
    """Return the head, the items with these names, and a refusal if the last is incomplete."""
    root, error = _tree(data)
    channel = next(root.iter("{*}channel"), root)
    items = [element(item) for item in root.iter(*(f"{{*}}{name}" for name in names))]
    if error and not items:
        raise fields.document_error("broken XML without an entry", error)
    if error and not _closed(data, root):
        return element(channel), items[:-1], (_broken_off(len(items), error),)
    return element(channel), items, ()


def _tree(data: bytes) -> tuple[etree._Element, str]:
    """Return the root and the parser's error message, "" for well-formed XML."""
    data = data.lstrip()
    try:
        return etree.fromstring(data, _parser(recover=False)), ""
    except etree.XMLSyntaxError as error:
        reason = error.msg or str(error)
    except ValueError as error:
        raise fields.document_error("broken XML", error) from error
    # A single stray character must not cost a day's papers: try to recover.
    try:
        root = etree.fromstring(_REFERENCE.sub(_drop_surrogate, data), _parser(recover=True))
        # libxml2 may accept bytes that are not text; fail here, not at a later access.
        etree.tostring(root, encoding="unicode")
    except (etree.XMLSyntaxError, ValueError, TypeError) as error:
        raise fields.document_error("broken XML", error) from error
    return root, reason


def _drop_surrogate(reference: re.Match[bytes]) -> bytes:
    """Return the reference, or nothing if it is half of a surrogate pair."""
    code = int(reference["hex"], 16) if reference["hex"] else int(reference["decimal"])
    return b"" if 0xD800 <= code <= 0xDFFF else reference[0]


def _parser(recover: bool) -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        recover=recover,
    )


def _closed(data: bytes, root: etree._Element) -> bool:
    """Return whether the root's end tag is present, in any character width."""
    end = f"</(?:\\w+:)?{re.escape(_local_name(root.tag))}".encode()
    return re.search(end, data[-400:].replace(b"\0", b""), re.I) is not None


def _broken_off(number: int, error: str) -> Refusal:
    return Refusal(f"entry {number}", str(fields.document_error("the document breaks off", error)))


def element(node: etree._Element) -> Element:
    children: dict[str, list[etree._Element]] = {}
    for child in node.iterchildren("*"):
        children.setdefault(_local_name(child.tag), []).append(child)
    return Element(children)


@lru_cache(maxsize=512)
def _local_name(tag: str) -> str:
    """Return "creator" for dc:creator, even if the prefix is not declared."""
    return re.split(r"[}:]", str(tag))[-1].lower()
