"""TLS proxy that replaces Caddy in front of gunicorn; one request per connection."""

from __future__ import annotations

import asyncio
import re
import ssl
import threading
from pathlib import Path

FORWARDED = b"\r\nX-Forwarded-Proto: https\r\nX-Forwarded-For: 127.0.0.1\r\nConnection: close"
_CONNECTION = re.compile(rb"\r\nConnection:[^\r\n]*", re.I)


class TlsProxy:
    """Listen with TLS on a free port and forward requests to a local port."""

    def __init__(self, certificate: Path, target: int) -> None:
        self.target = target
        self.loop = asyncio.new_event_loop()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        server = asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
        self.server = self.loop.run_until_complete(server)
        self.port: int = self.server.sockets[0].getsockname()[1]
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            from_site, to_site = await asyncio.open_connection("127.0.0.1", self.target)
            to_site.write(_CONNECTION.sub(b"", head)[:-4] + FORWARDED + b"\r\n\r\n")
            body = asyncio.create_task(_copy(reader, to_site))
            await _copy(from_site, writer)
            body.cancel()
            to_site.close()
        except (OSError, asyncio.IncompleteReadError):
            pass  # the browser disconnected, or the site is not running yet
        finally:
            writer.close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(65_536):
        target.write(data)
        await target.drain()
