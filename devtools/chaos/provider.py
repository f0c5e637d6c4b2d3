"""A faulty mail provider: an SMTP server that records accepted messages.

Run `python -m devtools.chaos.provider PORT FOLDER THROTTLED_ONCE`. It appends the recipient of each
message to FOLDER/accepted before it confirms the message, and a line to FOLDER/broken for each
connection that it drops during a message.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

STALL = 30.0  # seconds; longer than the timeout of clients
# Faults, each with its probability in thousandths.
GREETING = {"421 4.3.2 Too busy": 5}
AT_MAIL = {"451 4.3.0 Try again later": 10, "421 4.7.0 Closing": 3}
AT_RCPT = {"450 4.2.1 Mailbox busy": 15, "550 5.1.1 No such mailbox": 3, "stall": 2}
AT_DATA = {"451 4.3.0 Out of resources": 5}
AT_END = {
    "451 4.3.0 Try again later": 10,
    "554 5.7.1 Refused": 3,
    "cut in the middle": 8,
    "accept and cut": 6,
    "accept and stall": 6,
    "stall": 4,
}
THROTTLED = "454 4.7.0 Throttling failure: Maximum sending rate exceeded"


def draw_fault(faults: dict[str, int]) -> str:
    """Return one of the faults by its probability, or "" for none."""
    number = random.randrange(1000)  # noqa: S311 - not security-relevant
    for fault, probability in faults.items():
        if (number := number - probability) < 0:
            return fault
    return ""


class Provider:
    """The state shared by all connections."""

    def __init__(self, folder: Path, throttled_once: int) -> None:
        self.accepted = (folder / "accepted").open("a")
        self.broken = (folder / "broken").open("a")
        self.until_throttled = throttled_once

    def record(self, file: Callable[[str], int], line: str) -> None:
        file(f"{line}\n")
        self.accepted.flush()
        self.broken.flush()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection; ignore how it ends."""
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            await Conversation(self, reader, writer).run()
        writer.close()


class Conversation:
    """One SMTP connection. Faults without a reply code are actions, such as "stall"."""

    def __init__(
        self, provider: Provider, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.provider, self.reader, self.writer = provider, reader, writer
        self.to = ""

    async def run(self) -> None:
        greeting = draw_fault(GREETING)
        self.reply(greeting or "220 chaos")
        while not greeting and (line := await self.reader.readline()):
            command = line.decode().strip()
            if not await self.answer(command.partition(" ")[0].upper(), command):
                return

    def reply(self, text: str) -> bool:
        """Send a reply; return False if it ends the connection."""
        self.writer.write(f"{text}\r\n".encode())
        return not text.startswith("421")

    async def answer(self, verb: str, command: str) -> bool:
        """Handle one command; return False to end the connection."""
        if verb == "EHLO":
            return self.reply("250-chaos\r\n250-PIPELINING\r\n250 8BITMIME")
        if verb == "MAIL":
            return self.reply(self.throttling() or draw_fault(AT_MAIL) or "250 ok")
        if verb == "RCPT":
            return await self.recipient(command)
        if verb == "DATA":
            return await self.data()
        if verb == "QUIT":
            self.reply("221 bye")
            return False
        return self.reply("250 ok")

    def throttling(self) -> str:
        self.provider.until_throttled -= 1
        return THROTTLED if self.provider.until_throttled == 0 else ""

    async def recipient(self, command: str) -> bool:
        fault = draw_fault(AT_RCPT)
        if fault == "stall":
            await asyncio.sleep(STALL)
            return False
        self.to = "" if fault else command.partition("<")[2].rstrip(">")
        return self.reply(fault or "250 ok")

    async def data(self) -> bool:
        if not self.to:
            return self.reply("503 5.5.1 No recipient")
        if fault := draw_fault(AT_DATA):
            return self.reply(fault)
        self.reply("354 go on")
        fault = draw_fault(AT_END)
        if fault == "cut in the middle":
            await self.reader.readline()
            return self.drop(fault)
        await self.reader.readuntil(b"\r\n.\r\n")
        if fault in ("", "accept and cut", "accept and stall"):
            self.provider.record(self.provider.accepted.write, self.to)
        if fault in ("stall", "accept and stall"):
            self.provider.record(self.provider.broken.write, fault)
            await asyncio.sleep(STALL)
            return False
        if fault == "accept and cut":
            return self.drop(fault)
        return self.reply(fault or "250 accepted")

    def drop(self, fault: str) -> bool:
        self.provider.record(self.provider.broken.write, fault)
        self.writer.transport.abort()
        return False


async def main(port: int, folder: Path, throttled_once: int) -> None:
    provider = Provider(folder, throttled_once)
    server = await asyncio.start_server(provider.serve, "127.0.0.1", port, limit=1_000_000)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
