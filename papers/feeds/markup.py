"""XML of papers, read with lxml: elements by their local names, broken documents as far as they go.

Elements are known by their local names in lower case, as copies go around without namespaces and
with "pubdate".
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
    """The children of an XML element by local name; texts stripped, attributes as they are."""

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
    """The head, the items of these names, and a refusal if the document breaks off in the last."""
    root, error = _tree(data)
    channel = next(root.iter("{*}channel"), root)
    items = [element(item) for item in root.iter(*(f"{{*}}{name}" for name in names))]
    if error and not items:
        raise fields.document_error("broken XML without an entry", error)
    if error and not _closed(data, root):
        return element(channel), items[:-1], (_broken_off(len(items), error),)
    return element(channel), items, ()


def _tree(data: bytes) -> tuple[etree._Element, str]:
    """The document, and what is wrong with it ("" for well-formed XML)."""
    data = data.lstrip()
    try:
        return etree.fromstring(data, _parser(recover=False)), ""
    except etree.XMLSyntaxError as error:
        reason = error.msg or str(error)
    except ValueError as error:
        raise fields.document_error("broken XML", error) from error
    # One stray character must not cost a whole day's papers.
    try:
        root = etree.fromstring(_REFERENCE.sub(_possible, data), _parser(recover=True))
        # libxml2 may let bytes through that are no text; better now than at any later access.
        etree.tostring(root, encoding="unicode")
    except (etree.XMLSyntaxError, ValueError, TypeError) as error:
        raise fields.document_error("broken XML", error) from error
    return root, reason


def _possible(reference: re.Match[bytes]) -> bytes:
    """The reference, unless it is to half of a surrogate pair, which is no character."""
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
    """Whether the root's end tag is there (in any character width)."""
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
    """ "creator" for dc:creator, also where a copy has lost the declaration of "dc"."""
    return re.split(r"[}:]", str(tag))[-1].lower()
