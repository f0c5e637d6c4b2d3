"""A mail server that accepts everything, as light as can be, as a program.

`python -m devtools.benchmarks.smtp_sink FOLDER` speaks SMTP and keeps one message of each SAMPLE in
FOLDER; with `--http` it is a mail provider's HTTP interface that takes PAUSE for each call. It
prints its port, and when its input is closed how many it accepted and its seconds of CPU. With
`--log` each accepted mail is a line in FOLDER/mails: Unix time and recipient.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import TextIO

SAMPLE = 200
PAUSE = 0.15  # seconds
REPLIES = {
    b"EHLO": b"250-sink\r\n250-PIPELINING\r\n250-SIZE 10000000\r\n250 8BITMIME\r\n",
    b"DATA": b"354 go on\r\n",
    b"QUIT": b"221 bye\r\n",
}
END = b"\r\n.\r\n"


class Conversation(asyncio.Protocol):
    """One connection. Who sends a message waits for the answer, so its end is an end of input."""

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
                self.to = next((one for one in commands if one[:4].upper() == b"RCPT"), self.to)
            self.transport.write(b"".join(REPLIES.get(verb, b"250 ok\r\n") for verb in verbs))
        elif self.content.endswith(END):
            self.transport.write(b"250 accepted\r\n")
            if Conversation.accepted % SAMPLE == 0:
                message = self.content[: -len(END)].replace(b"\r\n..", b"\r\n.") + b"\r\n"
                (self.folder / f"{Conversation.accepted}.eml").write_bytes(message)
            Conversation.accepted += 1
            if self.log:
                print(
                    time.time(), self.to.decode().partition("<")[2].partition(">")[0], file=self.log
                )
            self.content.clear()
            self.in_data = False


class Provider(asyncio.Protocol):
    """One connection of an HTTP client that waits for each answer, as Postmark answers it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - of a TCP server
        self.transport, self.request = transport, bytearray()

    def data_received(self, data: bytes) -> None:
        self.request += data
        head, found, body = bytes(self.request).partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
        if found and len(body) >= int(length or 0):
            self.request.clear()
            asyncio.get_running_loop().call_later(PAUSE, self.answer, json.loads(body)["To"])

    def answer(self, to: str) -> None:
        Conversation.accepted += 1
        said = {"ErrorCode": 0, "Message": "OK", "To": to, "MessageID": str(Conversation.accepted)}
        body = json.dumps(said | {"SubmittedAt": "2026-01-01T00:00:00Z"}).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        self.transport.write(head.encode() + b"\r\n\r\n" + body)


async def main(folder: Path, speaks: type[asyncio.Protocol]) -> None:
    Conversation.folder = folder
    if "--log" in sys.argv:
        Conversation.log = (folder / "mails").open("a", buffering=1)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(speaks, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    closed = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), closed.set)
    await closed.wait()
    print(json.dumps({"accepted": Conversation.accepted, "cpu_s": time.process_time()}))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Provider if "--http" in sys.argv else Conversation))
