"""Add sources: by address or arXiv categories, or from the list of recommended ones."""

from __future__ import annotations

from argparse import ArgumentParser
from itertools import groupby
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from kombu.exceptions import OperationalError

from papers import recommended, tasks
from papers.feeds.pasted import NotASource, resolve_source_url
from papers.models import Source
from papers.recommended import RECOMMENDED


class Command(BaseCommand):
    help = "Add sources and have them read at once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "addresses",
            nargs="*",
            metavar="ADDRESS",
            help="a feed, a page such as https://huggingface.co/papers, or arXiv categories: cs.CL",
        )
        parser.add_argument(
            "--recommended",
            nargs="*",
            metavar="NAME",
            help="recommended sources by name; without a NAME, those to start with",
        )
        parser.add_argument("--list", action="store_true", help="show the recommended sources")

    def handle(
        self, *_: Any, addresses: list[str], recommended: list[str] | None, list: bool, **__: Any
    ) -> None:
        if list:
            self.show()
            return
        wanted = [*self.resolved(addresses), *self.named(recommended)]
        if not wanted:
            raise CommandError("Name an address, or use --recommended or --list.")
        for address in dict.fromkeys(wanted):
            self.add(address)

    def resolved(self, typed: list[str]) -> list[str]:
        """Return all addresses, or refuse all and say of each bad one why."""
        found, refused = [], []
        for text in typed:
            try:
                found.append(resolve_source_url(text))
                Source._meta.get_field("url").clean(found[-1], None)
            except NotASource as error:
                refused.append(str(error))
            except ValidationError as error:
                refused.append(f"“{text}”: {' '.join(error.messages)}")
        if refused:
            raise CommandError("\n".join(["Nothing was added.", *refused]))
        return found

    def named(self, names: list[str] | None) -> list[str]:
        if names is None:
            return []
        try:
            return [one.address for one in recommended.recommended_sources(names)]
        except recommended.UnknownName as error:
            raise CommandError(f"Nothing was added. {error} See --list.") from error

    def add(self, address: str) -> None:
        source, is_new = recommended.add_source(address)
        if not is_new:
            off = "" if source.active else ", switched off; switch it on in the admin"
            self.stdout.write(f"already there{off}: {source}")
            return
        self.stdout.write(f"added: {source} ({source.url})")
        try:
            tasks.fetch_source.delay(source.pk)
        except OperationalError:
            self.stderr.write("Redis cannot be reached. The source is read once beat runs.")

    def show(self) -> None:
        there = list(Source.objects.all())
        for group, members in groupby(RECOMMENDED, key=lambda one: one.group):
            self.stdout.write(f"\n{group}")
            for one in members:
                mark = "*" if one.is_starter else " "
                state = " (there already)" if recommended.source_reading(one.address, there) else ""
                brings = f"{one.label}: {one.subject}, about {one.papers_a_day} papers a day"
                self.stdout.write(f" {mark} {one.name:<42} {brings}{state}")
        self.stdout.write(
            "\nAdd them by name: manage.py add_source --recommended NAME…\n"
            "Those marked * are added by --recommended alone."
        )
