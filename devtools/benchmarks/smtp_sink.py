"""A minimal mail server that accepts everything.

Run `python -m devtools.benchmarks.smtp_sink FOLDER`. It speaks SMTP and keeps one in SAMPLE
messages in FOLDER. With `--http` it is the HTTP API of a mail provider instead, which takes PAUSE
for each call. With `--log` it writes a line to FOLDER/mails for each mail: Unix time and recipient.

It prints its port at the start. When its input is closed, it prints the number of accepted mails
and its CPU seconds.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import TextIO

SAMPLE = 200  # one message in so many is kept
PAUSE = 0.15  # seconds per HTTP call
REPLIES = {
    b"EHLO": b"250-sink\r\n250-PIPELINING\r\n250-SIZE 10000000\r\n250 8BITMIME\r\n",
    b"DATA": b"354 go on\r\n",
    b"QUIT": b"221 bye\r\n",
}
END = b"\r\n.\r\n"


class SmtpConnection(asyncio.Protocol):
    """An SMTP connection. Clients wait for each reply, so that input ends where a message ends."""

    accepted = 0
    folder = Path()
    log: TextIO | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - of a TCP server
        self.transport, self.content = transport, bytearray()
        self.in_data, self.to = False, b""
        transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        self.content += data
        if not self.in_data:
            if not data.endswith(b"\r\n"):
                return
            commands = bytes(self.content).split(b"\r\n")[:-1]
            self.content.clear()
            verbs = [command[:4].upper() for command in commands]
            self.in_data = b"DATA" in verbs
            if self.log:
                self.to = next((c for c in commands if c[:4].upper() == b"RCPT"), self.to)
            self.transport.write(b"".join(REPLIES.get(verb, b"250 ok\r\n") for verb in verbs))
        elif self.content.endswith(END):
            self.transport.write(b"250 accepted\r\n")
            if SmtpConnection.accepted % SAMPLE == 0:
                message = self.content[: -len(END)].replace(b"\r\n..", b"\r\n.") + b"\r\n"
                (self.folder / f"{SmtpConnection.accepted}.eml").write_bytes(message)
            SmtpConnection.accepted += 1
            if self.log:
                print(
                    time.time(), self.to.decode().partition("<")[2].partition(">")[0], file=self.log
                )
            self.content.clear()
            self.in_data = False


class HttpConnection(asyncio.Protocol):
    """A connection of an HTTP client that waits for each reply; replies are those of Postmark."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - of a TCP server
        self.transport, self.request = transport, bytearray()

    def data_received(self, data: bytes) -> None:
        self.request += data
        head, separator, body = bytes(self.request).partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
        if separator and len(body) >= int(length or 0):
            self.request.clear()
            asyncio.get_running_loop().call_later(PAUSE, self.reply, json.loads(body)["To"])

    def reply(self, to: str) -> None:
        SmtpConnection.accepted += 1
        result = {
            "ErrorCode": 0,
            "Message": "OK",
            "To": to,
            "MessageID": str(SmtpConnection.accepted),
        }
        body = json.dumps(result | {"SubmittedAt": "2026-01-01T00:00:00Z"}).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        self.transport.write(head.encode() + b"\r\n\r\n" + body)


async def main(folder: Path, protocol: type[asyncio.Protocol]) -> None:
    SmtpConnection.folder = folder
    if "--log" in sys.argv:
        SmtpConnection.log = (folder / "mails").open("a", buffering=1)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    closed = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), closed.set)
    await closed.wait()
    print(json.dumps({"accepted": SmtpConnection.accepted, "cpu_s": time.process_time()}))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), HttpConnection if "--http" in sys.argv else SmtpConnection))
