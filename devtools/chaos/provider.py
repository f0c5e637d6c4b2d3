"""A mail provider that misbehaves, as a program: an SMTP server that writes down what it accepts.

`python -m devtools.chaos.provider PORT FOLDER` appends to FOLDER/accepted a line with the
recipient of each message before it says so, and to FOLDER/broken one for each connection that it
let die while a message was under way.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

STALL = 30.0  # seconds; longer than any client waits
# What may happen, and in how many of a thousand cases.
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


def drawn(cases: dict[str, int]) -> str:
    """One of the cases by its chance; empty: all goes well."""
    dice = random.randrange(1000)  # noqa: S311 - no secret hangs on it
    for what, chance in cases.items():
        if (dice := dice - chance) < 0:
            return what
    return ""


class Provider:
    def __init__(self, folder: Path, throttled_once: int) -> None:
        self.accepted = (folder / "accepted").open("a")
        self.broken = (folder / "broken").open("a")
        self.until_throttled = throttled_once

    def note(self, file: Callable[[str], int], line: str) -> None:
        file(f"{line}\n")
        self.accepted.flush()
        self.broken.flush()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection; whatever way it ends is fine."""
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            await Conversation(self, reader, writer).run()
        writer.close()


class Conversation:
    """One SMTP connection. An answer that starts with no digit is something that happens."""

    def __init__(
        self, provider: Provider, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.provider, self.reader, self.writer = provider, reader, writer
        self.to = ""

    async def run(self) -> None:
        greeting = drawn(GREETING)
        self.say(greeting or "220 chaos")
        while not greeting and (line := await self.reader.readline()):
            command = line.decode().strip()
            if not await self.answer(command.partition(" ")[0].upper(), command):
                return

    def say(self, answer: str) -> bool:
        """Answer; False where that was the last word."""
        self.writer.write(f"{answer}\r\n".encode())
        return not answer.startswith("421")

    async def answer(self, verb: str, command: str) -> bool:
        """Act on one command; False ends the connection."""
        if verb == "EHLO":
            return self.say("250-chaos\r\n250-PIPELINING\r\n250 8BITMIME")
        if verb == "MAIL":
            return self.say(self.throttled() or drawn(AT_MAIL) or "250 ok")
        if verb == "RCPT":
            return await self.recipient(command)
        if verb == "DATA":
            return await self.data()
        if verb == "QUIT":
            self.say("221 bye")
            return False
        return self.say("250 ok")

    def throttled(self) -> str:
        self.provider.until_throttled -= 1
        return THROTTLED if self.provider.until_throttled == 0 else ""

    async def recipient(self, command: str) -> bool:
        what = drawn(AT_RCPT)
        if what == "stall":
            await asyncio.sleep(STALL)
            return False
        self.to = "" if what else command.partition("<")[2].rstrip(">")
        return self.say(what or "250 ok")

    async def data(self) -> bool:
        if not self.to:
            return self.say("503 5.5.1 No recipient")
        if refused := drawn(AT_DATA):
            return self.say(refused)
        self.say("354 go on")
        what = drawn(AT_END)
        if what == "cut in the middle":
            await self.reader.readline()
            return self.die(what)
        await self.reader.readuntil(b"\r\n.\r\n")
        if what in ("", "accept and cut", "accept and stall"):
            self.provider.note(self.provider.accepted.write, self.to)
        if what in ("stall", "accept and stall"):
            self.provider.note(self.provider.broken.write, what)
            await asyncio.sleep(STALL)
            return False
        if what == "accept and cut":
            return self.die(what)
        return self.say(what or "250 accepted")

    def die(self, what: str) -> bool:
        self.provider.note(self.provider.broken.write, what)
        self.writer.transport.abort()
        return False


async def main(port: int, folder: Path, throttled_once: int) -> None:
    provider = Provider(folder, throttled_once)
    server = await asyncio.start_server(provider.serve, "127.0.0.1", port, limit=1_000_000)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
