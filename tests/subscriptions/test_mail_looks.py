"""What the mails' HTML uses, and what that comes to in the mail programs of most readers."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

import pytest
from lxml import html

from papers.models import Paper
from subscriptions.editions import composing, digests
from subscriptions.mail import cards, digest_mail, emails
from subscriptions.models import Digest, Subscriber
from tests.subscriptions.mail_features import features, support

pytestmark = pytest.mark.django_db
MakeReader = Callable[..., Subscriber]

# caniemail.com does not list what every program has known since the first HTML mail.
OLD = """html-html html-head html-title html-meta html-charset html-name html-content html-anchor
html-href html-br html-class html-border html-direction css-color""".split()
# What some program does not know, or knows in part, and what its readers see instead.
LOSSES = {
    "html-meta-viewport": "Phones alone need it; others pass over it.",
    "html-meta-color-scheme": "Says that the mail has dark colours of its own; no more is lost.",
    "html-meta-supported-color-schemes": "The same, for older Apple Mail.",
    "css-color-scheme": "The same, in the style sheet.",
    "css-pseudo-class-root": "Holds that one declaration.",
    "html-style": "Everything needed stands in style attributes; lost are dark and narrow.",
    "css-selector-class": "Dark colours and narrow margins alone hang on classes.",
    "css-selector-attribute": "Outlook.com's own dark colours are left as it makes them.",
    "css-selector-descendant": "The same.",
    "css-at-media": "Phones get the wider margins, and light colours.",
    "css-at-media-prefers-color-scheme": "Gmail makes dark colours of the light ones itself.",
    "css-important": "Used within @media alone.",
    "css-width": "Of a cell, which the attribute says as well.",
    "css-max-width": "Outlook on Windows gets a table of 600 pixels.",
    "css-max-height": "The preheader is hidden by display:none already.",
    "css-overflow": "The same.",
    "css-display": "Links are inline where blocks are not known; cells have the padding then.",
    "css-display-none": "The preheader is then the mail's first line, which does no harm.",
    "css-border-radius": "Buttons have corners.",
    "css-background": "Nothing but colours is used.",
    "css-border": "Widths are a little different.",
    "css-padding": "On cells everywhere; where it is not, a gap is narrower.",
    "css-margin": "Never negative, never auto.",
    "css-font-size": "In pixels, which all know.",
    "css-font-weight": "Normal and bold, which all know.",
    "css-letter-spacing": "Of the name at the head; a matter of half a pixel.",
    "css-line-height": "Outlook on Windows spaces lines by itself.",
    "css-text-align": "Left, which all know.",
    "css-text-decoration": "None and underline, which all know.",
    "css-word-break": "A word longer than the screen makes the mail as wide as itself.",
    "html-align": "Outlook on a Mac puts the column at the left.",
    "html-width": "In pixels or 100%, which all know.",
    "html-base": "Links open where the program likes.",
    "html-target": "The same.",
    "html-body": "A <div> takes its place; the table within has the colours as well.",
}


@pytest.fixture
def mails(edition: list[Paper], make_reader: MakeReader, now: datetime) -> dict[str, str]:
    """The HTML of every mail to readers, by name."""
    edition[0].note, edition[0].code_url = "Read section four first.", "https://code.example.org/x"
    edition[0].save()
    interests = {"text": "language models", "categories": ["cs.CL"]}
    daily = make_reader(topic=interests)
    weekly = make_reader(
        "week@example.org", interests, frequency="weekly", weekday=now.weekday(), unread_weekday=0
    )
    weekly.library.create(identity="x", title="Kept", authors=["Ann"], doi="10.1/x", kept_at=now)
    digests.build_due_digests([daily.pk, weekly.pk], now)
    letters = ("confirmation", "preferences_link", "welcome", "less_often", "goodbye")
    made = {name: str(getattr(emails, name)(daily).html) for name in letters}
    for digest in Digest.objects.select_related("subscriber"):
        digest.notices = ["Today's list of arXiv is late."]
        name = "weekly" if digest.is_round_up else "daily"
        made[name] = str(
            digest_mail.digest_message(digest, cards.visible_cards(digest.paper_ids)).html
        )
    assert "section four" in made["daily"]
    assert "section four" in made["weekly"]
    assert "Mark as read" in made["weekly"]
    return made


def test_every_feature_is_known_to_gmail_outlook_and_apple_mail_or_its_loss_is_harmless(
    mails: dict[str, str],
) -> None:
    known = support()
    used = set().union(*(features(page) for page in mails.values()))
    in_doubt = {use for use in used if set(known.get(use, {}).values()) != {"y"}}
    assert {use: known.get(use, "not listed") for use in in_doubt - {*OLD, *LOSSES}} == {}
    assert set(LOSSES) - in_doubt == set()  # nothing is excused that is not there


def test_the_linter_sees_what_is_used() -> None:
    page = """<html><head><style>@media (hover:hover){a > b{gap:1vw}}</style></head><body>
    <img src=x style="display:grid;padding-left:calc(1px);color:rebeccapurple"><blink>"""
    assert features(page) >= {
        *("css-at-media-hover", "css-selector-child", "css-selector-type", "css-gap"),
        *("css-unit-vw", "html-img", "html-src", "css-display-grid", "css-padding"),
        *("css-function-calc", "css-unit-px", "html-blink", "html-style"),
    }


# --- Contrast -----------------------------------------------------------------------------
Colours = dict[str, str]
DECLARED = re.compile(r"(?:^|;)\s*(background|color):(#[0-9a-f]{6})")


def dark_classes(page: str) -> dict[str, Colours]:
    """What each class changes where the reader prefers dark."""
    dark = page.partition("prefers-color-scheme:dark){")[2].partition("</style>")[0]
    rules = re.findall(r"\.(\w+)\{([^}]*)\}", dark)
    return {name: dict(DECLARED.findall(style)) for name, style in rules}


def outlook_classes(page: str) -> dict[str, Colours]:
    """What each class changes within what Outlook.com marks as darkened: text, or ground."""
    rules = re.findall(r"\[data-ogs([cb])\] \.(\w+)\{([^}]*)\}", page)
    for mark, _name, style in rules:
        assert mark == ("b" if "background" in style else "c")
    return {name: dict(DECLARED.findall(style)) for _mark, name, style in rules}


def test_outlook_com_gets_the_dark_colours_of_all_others(mails: dict[str, str]) -> None:
    for page in mails.values():
        assert outlook_classes(page) == dark_classes(page)
        [sheet] = re.findall(r"<style>\n([^<]*ogsc[^<]*)</style>", page)
        assert "@media" not in sheet, "a program that drops it drops nothing else"
        body = html.document_fromstring(page.encode()).body
        assert {"background", "color"} <= dict(DECLARED.findall(body.get("style"))).keys()


def shown_colours(element: html.HtmlElement, dark: dict[str, Colours]) -> Colours:
    """The colours in force on an element: its own, its classes', else what is around it."""
    found: Colours = {}
    for one in (element, *element.iterancestors()):
        of_classes = {
            name: colour
            for word in one.get("class", "").split()
            for name, colour in dark.get(word, {}).items()
        }
        own = dict(DECLARED.findall(one.get("style", ""))) | of_classes
        found = own | found
    return found


def contrast(one: str, other: str) -> float:
    """WCAG's ratio of two colours such as #1f45c4."""
    brighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels]
    return sum(part * one for part, one in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("scheme", ["light", "dark", "outlook"])
@pytest.mark.promise(23)
def test_contrast_is_sufficient_in_light_and_dark(mails: dict[str, str], scheme: str) -> None:
    for name, page in mails.items():
        dark = {"light": {}, "dark": dark_classes(page), "outlook": outlook_classes(page)}[scheme]
        assert scheme == "light" or set(dark) >= {"bg", "ink", "quiet", "blue", "tint"}
        seen = set()
        body = html.document_fromstring(page.encode()).body
        for element in body.xpath(
            ".//*[not(ancestor-or-self::*[contains(@style, 'display:none')])]"
        ):
            words = [element.text or "", *(child.tail or "" for child in element)]
            if "".join(words).strip():
                colours = shown_colours(element, dark)
                seen.add((colours["color"], colours["background"]))
        assert len(seen) >= 3
        ratios = {pair: contrast(*pair) for pair in seen}
        assert {pair for pair, ratio in ratios.items() if ratio < 4.5} == set(), name


def test_contrast_is_reckoned_as_wcag_does() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.promise(23)
def test_emails_have_accessible_structure_and_links(
    mails: dict[str, str], settings: object
) -> None:
    settings.SITE_URL = "https://paperboy.example.org"  # type: ignore[attr-defined]
    for name, page in mails.items():
        root = html.document_fromstring(page.encode())
        assert root.get("lang") == "en"
        assert root.xpath("string(//title)")
        assert len(root.xpath("//h1")) == 1, name
        assert {table.get("role") for table in root.iter("table")} == {"presentation"}
        assert not root.xpath("//img | //script | //link | //iframe | //form"), name
        assert all(re.match("https?://", link.get("href")) for link in root.iter("a"))
        assert all(link.text_content().strip() for link in root.iter("a"))


def test_in_production_every_link_is_https(
    edition: list[Paper], make_reader: MakeReader, settings: object
) -> None:
    settings.SITE_URL = "https://paperboy.example.org"  # type: ignore[attr-defined]
    reader = make_reader()
    page = emails.preferences_link(reader).html
    links = re.findall(r'href="([^"]*)"', str(page))
    assert len(links) >= 3
    assert all(link.startswith("https://") for link in links)


def test_the_weekly_round_up_has_its_own_looks(mails: dict[str, str]) -> None:
    assert "Your week in papers" in mails["weekly"]
    assert "24 April to 30 April 2026" in mails["weekly"]
    papers = mails["weekly"].partition("Your unread papers")[0]
    assert papers.count("font:28px/1 Charter") == papers.count("<h3")
    assert "Your week" not in mails["daily"]
    digest = Digest.objects.get(period="week")
    assert digest.subject.startswith("Your week: ")
    assert len(composing.subject_line([{"title": "x" * 400}] * 3, "week")) == 150
