"""Add sources by address, by arXiv categories or from the recommended sources."""

from __future__ import annotations

from argparse import ArgumentParser
from itertools import groupby
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from kombu.exceptions import OperationalError

from papers import recommended as recommendations
from papers import tasks
from papers.feeds.pasted import NotASource, resolve_source_url
from papers.models import Source
from papers.recommended import RECOMMENDED


class Command(BaseCommand):
    help = "Add sources and fetch them at once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "addresses",
            nargs="*",
            metavar="ADDRESS",
            help="a feed, a page (https://huggingface.co/papers) or arXiv categories: cs.CL",
        )
        parser.add_argument(
            "--recommended",
            nargs="*",
            metavar="NAME",
            help="recommended sources by name; the starter set if no NAME is given",
        )
        parser.add_argument("--list", action="store_true", help="list the recommended sources")

    def handle(
        self, *_: Any, addresses: list[str], recommended: list[str] | None, list: bool, **__: Any
    ) -> None:
        if list:
            self.list_recommended()
            return
        urls = [*self.resolve_addresses(addresses), *self.resolve_names(recommended)]
        if not urls:
            raise CommandError("Give an address, or use --recommended or --list.")
        for address in dict.fromkeys(urls):
            self.add(address)

    def resolve_addresses(self, texts: list[str]) -> list[str]:
        """Return the address of each text; reject all texts if one is invalid."""
        urls, errors = [], []
        for text in texts:
            try:
                urls.append(resolve_source_url(text))
                Source._meta.get_field("url").clean(urls[-1], None)
            except NotASource as error:
                errors.append(str(error))
            except ValidationError as error:
                errors.append(f"“{text}”: {' '.join(error.messages)}")
        if errors:
            raise CommandError("\n".join(["Nothing was added.", *errors]))
        return urls

    def resolve_names(self, names: list[str] | None) -> list[str]:
        if names is None:
            return []
        try:
            return [item.address for item in recommendations.recommended_sources(names)]
        except recommendations.UnknownName as error:
            raise CommandError(f"Nothing was added. {error} See --list.") from error

    def add(self, address: str) -> None:
        source, is_new = recommendations.add_source(address)
        if not is_new:
            inactive = "" if source.active else ", but inactive; activate it in the admin"
            self.stdout.write(f"already added{inactive}: {source}")
            return
        self.stdout.write(f"added: {source} ({source.url})")
        try:
            tasks.fetch_source.delay(source.pk)
        except OperationalError:
            self.stderr.write("Can't reach Redis. Celery beat will fetch the source once it runs.")

    def list_recommended(self) -> None:
        sources = list(Source.objects.all())
        for group, items in groupby(RECOMMENDED, key=lambda item: item.group):
            self.stdout.write(f"\n{group}")
            for item in items:
                mark = "*" if item.is_starter else " "
                is_added = recommendations.source_reading(item.address, sources)
                text = f"{item.label}: {item.subject}, about {item.papers_per_day} papers per day"
                self.stdout.write(
                    f" {mark} {item.name:<42} {text}{' (already added)' if is_added else ''}"
                )
        self.stdout.write(
            "\nAdd them by name: manage.py add_source --recommended NAME…\n"
            "Without a NAME, the sources marked * are added."
        )
