"""A Zotero server on the loopback that keeps a library, follows the API's rules and has faults.

The rules are those of the documentation and of the server's source: what a search covers, versions,
write tokens, keys that clients choose, outcomes per object.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

USER = 4711
KEY = "K3yOfTheReader23456789ab"
CLIENT_KEY, CLIENT_SECRET = "client-of-paperboy", "secret-of-paperboy"
ADDED = "2026-04-{:02}T08:00:00Z"


@dataclass
class Fault:
    """A fault of the next request with this method and a path that contains `path`."""

    status: int = 0
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    method: str = ""
    path: str = ""
    after: bool = False
    """Handle the request first."""
    hang_up: bool = False
    slow: float = 0.0
    cut: bool = False
    """Send half of the real answer as if it were whole."""
    failed: dict[str, Any] = field(default_factory=dict)
    """Failures by index, for objects that are then not written."""

    def matches(self, method: str, path: str) -> bool:
        return method == (self.method or method) and self.path in path


@dataclass
class Answer:
    status: int = 200
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class Zotero:
    """One user's library. `requests` holds method, path with query, and headers."""

    def __init__(self) -> None:
        self.version = 100
        self.items: dict[str, dict[str, Any]] = {}
        self.collections: dict[str, dict[str, Any]] = {}
        self.access = {"library": True, "files": True, "notes": True, "write": True}
        self.keys = {KEY}
        self.tokens: set[str] = set()
        self.verifiers: dict[str, str] = {}
        self.callback = ""
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.lock = threading.Lock()
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"

    @contextmanager
    def running(self) -> Iterator[Zotero]:
        thread = threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.http.shutdown()
            self.http.server_close()
            thread.join()

    # --- What a test sets up and looks at -----------------------------------------------------

    def add_collection(self, key: str, name: str, parent: str = "") -> str:
        data = {"key": key, "name": name, "parentCollection": parent or False, "relations": {}}
        self.collections[key] = data
        return key

    def add_item(self, key: str, title: str, *collections: str, **data: Any) -> str:
        self.version += 1
        self.items[key] = {
            "key": key,
            "version": self.version,
            "itemType": "journalArticle",
            "title": title,
            "collections": list(collections),
            "dateAdded": ADDED.format(len(self.items) % 28 + 1),
            **data,
        }
        return key

    def change_item(self, key: str, **data: Any) -> None:
        self.version += 1
        self.items[key] |= data | {"version": self.version}

    def delete_item(self, key: str) -> None:
        self.version += 1
        del self.items[key]

    def in_collection(self, key: str) -> list[dict[str, Any]]:
        return [one for one in self.items.values() if key in one.get("collections", ())]

    def children(self, key: str) -> list[dict[str, Any]]:
        return [one for one in self.items.values() if one.get("parentItem") == key]

    def sent(self, method: str, path: str = "") -> list[str]:
        """Return the paths of the requests with a method and a part of the path."""
        return [one[1] for one in self.requests if one[0] == method and path in one[1]]

    # --- HTTP -----------------------------------------------------------------------------------

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_request(self) -> None:
                self.close_connection = True
                length = int(self.headers.get("Content-Length") or 0)
                content = self.rfile.read(length)
                with suppress(OSError):
                    outer.respond(self, content)

            do_GET = do_POST = do_PATCH = do_DELETE = handle_request

            def log_message(self, format: str, *args: object) -> None:
                return

        return Handler

    def respond(self, handler: BaseHTTPRequestHandler, content: bytes) -> None:
        method, path = handler.command, handler.path
        with self.lock:
            self.requests.append((method, path, dict(handler.headers)))
            fault = next((one for one in self.faults if one.matches(method, path)), None)
            if fault:
                self.faults.remove(fault)
            if fault and fault.status and not fault.after:
                answer = Answer(fault.status, fault.body)
            else:
                failed = fault.failed if fault else {}
                answer = self.handle(method, path, handler.headers, content, failed)
        self._send(handler, answer, fault or Fault())

    def _send(self, handler: BaseHTTPRequestHandler, answer: Answer, fault: Fault) -> None:
        if fault.hang_up:
            return
        content = answer.content[: len(answer.content) // 2] if fault.cut else answer.content
        handler.send_response(fault.status or answer.status)
        for name, value in (answer.headers | fault.headers).items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        if fault.slow:
            handler.wfile.write(content[:1])
            handler.wfile.flush()
            time.sleep(fault.slow)
            content = content[1:]
        handler.wfile.write(content)

    def handle(
        self, method: str, path: str, headers: Any, content: bytes, failed: dict[str, Any]
    ) -> Answer:
        parts = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/oauth/authorize":
            return self._consent_page(query["oauth_token"])
        if parts.path.startswith("/oauth/"):
            return self._oauth(parts.path, headers["Authorization"])
        if headers.get("Zotero-API-Key") not in self.keys:
            return Answer(403, b"Invalid key")
        if parts.path == "/keys/current":
            return self._current_key(method, headers["Zotero-API-Key"])
        _empty, _users, user, *names = parts.path.split("/")
        assert user == str(USER), "another user's library"
        if method != "GET" and not self.access["write"]:
            return Answer(403, b"Write access denied")
        if method == "GET":
            return self._read(names, query, headers)
        if method == "POST":
            return self._create(json.loads(content), headers, failed)
        return self._patch(names[1], json.loads(content), headers)

    def _current_key(self, method: str, key: str) -> Answer:
        if method == "DELETE":
            self.keys.remove(key)
            return Answer(204)
        access = {"user": self.access, "groups": {}}
        return Answer(body={"key": key, "userID": USER, "username": "ada-reads", "access": access})

    def _consent_page(self, token: str) -> Answer:
        back = urlencode({"oauth_token": token, "oauth_verifier": self.verifiers[token]})
        link = f'<a href="{self.callback}?{back}">Accept Defaults</a>'
        return Answer(body=link.encode(), headers={"Content-Type": "text/html"})

    def _oauth(self, path: str, header: str) -> Answer:
        values = dict(part.split("=", 1) for part in header.removeprefix("OAuth ").split(", "))
        values = {name: value.strip('"') for name, value in values.items()}
        if values["oauth_consumer_key"] != CLIENT_KEY:
            return Answer(401)
        if path == "/oauth/request":
            token = f"temporary{len(self.verifiers)}"
            self.verifiers[token] = f"verifier-of-{token}"
            self.callback = unquote(values["oauth_callback"])
            answer = {"oauth_token": token, "oauth_token_secret": f"secret-of-{token}"}
        elif self.verifiers.pop(values["oauth_token"], "") != values["oauth_verifier"]:
            return Answer(401)
        else:
            answer = {"oauth_token": KEY, "oauth_token_secret": KEY, "userID": USER}
        return Answer(body=urlencode(answer).encode())

    # --- Reading ----------------------------------------------------------------------------------

    def _read(self, names: list[str], query: dict[str, str], headers: Any) -> Answer:
        versions = {"Last-Modified-Version": str(self.version)}
        if int(headers.get("If-Modified-Since-Version") or 0) >= self.version:
            return Answer(304, headers=versions)
        if names == ["collections"]:
            found = [{"key": key, "data": data} for key, data in self.collections.items()]
        elif names[0] == "collections":
            if names[1] not in self.collections:
                return Answer(404, b"Collection not found")
            found = self._newest(self.in_collection(names[1]))
        elif "itemKey" in query:
            found = self._whole(
                self.items[key] for key in query["itemKey"].split(",") if key in self.items
            )
        else:
            found = self._newest(self._search(query["q"]))
        start, limit = int(query.get("start", 0)), int(query.get("limit", 25))
        assert limit <= 100, "the API gives at most 100"
        page = found[start : start + limit]
        return Answer(body=page, headers=versions | {"Total-Results": str(len(found))})

    def _search(self, words: str) -> list[dict[str, Any]]:
        """Find top items whose title has all words, as the real quick search does."""
        parts = words.lower().split()
        top = [one for one in self.items.values() if "parentItem" not in one]
        return [one for one in top if all(part in one.get("title", "").lower() for part in parts)]

    def _newest(self, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        top = [one for one in items if "parentItem" not in one]
        return self._whole(sorted(top, key=lambda one: one["dateAdded"], reverse=True))

    def _whole(self, items: Any) -> list[dict[str, Any]]:
        return [{"key": one["key"], "version": one["version"], "data": one} for one in items]

    # --- Writing ----------------------------------------------------------------------------------

    def _create(self, objects: Any, headers: Any, failed: dict[str, Any]) -> Answer:
        token = headers["Zotero-Write-Token"]
        assert token
        assert 5 <= len(token) <= 32
        if token in self.tokens:
            return Answer(412, b"Write token already used")
        assert isinstance(objects, list)
        assert len(objects) <= 50
        result: dict[str, Any] = {"successful": {}, "success": {}, "unchanged": {}, "failed": {}}
        self.version += 1
        for index, data in enumerate(objects):
            failure = failed.get(str(index)) or self._refuse(data)
            if failure:
                result["failed"][str(index)] = failure
                continue
            self.items[data["key"]] = data | {
                "version": self.version,
                "dateAdded": ADDED.format(29),
            }
            result["success"][str(index)] = data["key"]
            [whole] = self._whole([self.items[data["key"]]])
            result["successful"][str(index)] = whole
        self.tokens.add(token)
        return Answer(body=result, headers={"Last-Modified-Version": str(self.version)})

    def _refuse(self, data: dict[str, Any]) -> dict[str, Any]:
        unknown = set(data) - FIELDS[data["itemType"]]
        if unknown:
            return {"code": 400, "message": f"Invalid property '{min(unknown)}'"}
        if data["key"] in self.items:
            return {"key": data["key"], "code": 412, "message": "Item has been modified"}
        if data.get("parentItem", data["key"]) not in {*self.items, data["key"]}:
            return {"code": 409, "message": "Parent item not found"}
        for key in data.get("collections", ()):
            if key not in self.collections:
                message = f"Collection {key} not found"
                return {"code": 409, "message": message, "data": {"collection": key}}
        return {}

    def _patch(self, key: str, data: Any, headers: Any) -> Answer:
        version = headers.get("If-Unmodified-Since-Version")
        if version is None:
            return Answer(428, b"If-Unmodified-Since-Version not provided")
        if int(version) < self.items[key]["version"]:
            return Answer(412, b"Item has been modified since specified version")
        if missing := set(data["collections"]) - set(self.collections):
            return Answer(409, f"Collection {min(missing)} not found".encode())
        self.change_item(key, **data)
        return Answer(204)


_ANY = {"key", "version", "itemType", "tags", "relations"}
_WORK = _ANY | {
    *("title", "creators", "abstractNote", "date", "url", "language", "extra", "collections"),
    "DOI",
}
FIELDS = {
    "preprint": _WORK | {"repository", "archiveID", "genre"},
    "journalArticle": _WORK | {"publicationTitle"},
    "conferencePaper": _WORK | {"proceedingsTitle"},
    "attachment": _ANY | {"parentItem", "linkMode", "title", "url", "contentType"},
    "note": _ANY | {"parentItem", "note"},
}
"""The fields of each item type that we use, from Zotero's schema. Others are refused."""
