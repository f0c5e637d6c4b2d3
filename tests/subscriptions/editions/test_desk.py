"""The edition desk: a curator's changes in digests, and approval."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from papers.models import Paper
from papers.ranking import scoring
from subscriptions import tasks
from subscriptions.delivery import mailing_run
from subscriptions.editions import alerts, desk, digests, rebuild, recovery, states, why_not
from subscriptions.mail import cards
from subscriptions.matching.selection import FOR_YOU, PICKED
from subscriptions.models import Digest, Edition, Placement, Subscriber
from tests.subscriptions.conftest import Sink

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
MakeReader = Callable[..., Subscriber]
DAY = date(2026, 4, 30)
LANGUAGE = {"text": "language models", "categories": ["cs.CL"]}


@pytest.fixture
def say(now: datetime) -> Callable[..., str]:
    """Return a function that applies a change to today's edition."""

    def say(act: Callable[..., str], *given: Any, **options: Any) -> str:
        return desk.apply_change(DAY, options.pop("at", now), act, *given, **options)

    return say


def titles(digest: Digest) -> list[str]:
    return [item["title"] for item in digest.items]


def test_pinned_papers_come_first_in_the_curators_order(
    edition: list[Paper], make_reader: MakeReader, say: Callable[..., str], now: datetime
) -> None:
    medical, splats = edition[5], edition[4]
    assert say(desk.pin_paper, splats.pk) == f"Pinned “{splats.title}”."
    say(desk.pin_paper, medical.pk)
    say(desk.move_pin, medical.pk, -1)
    made = digests.preview_digest(make_reader(topic=LANGUAGE), now)
    assert titles(made)[:2] == [medical.title, splats.title]
    assert [item["section"] for item in made.items[:2]] == [PICKED, PICKED]
    assert made.items[0]["reason"].startswith("Chosen by the editor")
    assert "language models" in " ".join(titles(made)[2:])
    assert cards.digest_sections(cards.cards_for_items(made.items))[0]["name"] == "From the editor"


def test_a_match_with_a_pinned_paper_counts_as_a_match(
    edition: list[Paper], make_reader: MakeReader, say: Callable[..., str], now: datetime
) -> None:
    scoring.rescore(now)
    word = "spectroscopy"
    Paper.objects.filter(pk=edition[5].pk).update(title=f"Notes on {word}", text_seen_at=now)
    reader = make_reader(topic={"text": word})
    other = make_reader("other@e.org", {"text": "palaeography"})
    say(desk.pin_paper, edition[5].pk)
    made = digests.preview_digest(reader, now)
    assert (made.items[0]["paper"], made.items[0]["section"]) == (edition[5].pk, PICKED)
    assert FOR_YOU not in {item["section"] for item in made.items}
    assert made.notices == []
    assert "matches “palaeography”" in digests.preview_digest(other, now).notices[0]


def test_pins_take_at_most_half_the_places_and_respect_exclusions_and_seen_papers(
    edition: list[Paper], make_reader: MakeReader, say: Callable[..., str], now: datetime
) -> None:
    say(desk.reorder_pins, [paper.pk for paper in edition])
    short = make_reader("short@e.org", LANGUAGE, max_papers=4)
    assert [item["section"] for item in digests.preview_digest(short, now).items].count(PICKED) == 2
    never = make_reader("never@e.org", LANGUAGE | {"excluded_words": ["agents"]})
    assert edition[1].title not in titles(digests.preview_digest(never, now))
    one = make_reader("one@e.org", LANGUAGE, max_papers=1)
    assert digests.preview_digest(one, now).items[0]["section"] != PICKED
    had = make_reader("had@e.org", LANGUAGE)
    digests.build_due_digests([had.pk], now)
    first = Digest.objects.get(subscriber=had)
    tomorrow = now + timedelta(days=1)
    desk.apply_change(tomorrow.date(), now, desk.reorder_pins, first.paper_ids)
    assert not set(first.paper_ids) & set(digests.preview_digest(had, tomorrow).paper_ids)


def test_strict_readers_only_get_pins_that_match(
    edition: list[Paper], make_reader: MakeReader, say: Callable[..., str], now: datetime
) -> None:
    say(desk.pin_paper, edition[5].pk)
    picky = make_reader(topic=LANGUAGE | {"strictness": "only"})
    assert edition[5].title not in titles(digests.preview_digest(picky, now))


def test_a_hidden_paper_is_in_no_digest_and_the_explanation_says_so(
    edition: list[Paper], make_reader: MakeReader, say: Callable[..., str], now: datetime
) -> None:
    reader, best = make_reader(topic=LANGUAGE), edition[0]
    Paper.objects.filter(pk=best.pk).update(arxiv_id="2604.00099")
    say(desk.pin_paper, best.pk)
    assert say(desk.hide_paper, best.pk) == f"Left out “{best.title}”."
    assert best.title not in titles(digests.preview_digest(reader, now))
    assert why_not.explain_absence(reader, "2604.00099", now).startswith(
        "The curator has left it out"
    )
    assert say(desk.show_paper, best.pk) == f"Included “{best.title}” again."
    assert best.title in titles(digests.preview_digest(reader, now))
    assert not Placement.objects.exists(), "rows that say nothing go"


def test_subject_and_notes_appear_in_the_email(
    edition: list[Paper],
    make_reader: MakeReader,
    say: Callable[..., str],
    now: datetime,
    smtp: Sink,
) -> None:
    reader = make_reader(topic=LANGUAGE)
    say(desk.write_paper_note, edition[0].pk, "Read the <b>appendix</b>.")
    say(desk.write_subject_and_note, "The\nlanguage issue", "Happy spring, all & sundry.")
    mailing_run.deliver_digests(digests.build_due_digests([reader.pk], now), lambda: now)
    [mail] = smtp.accepted
    assert mail["Subject"] == "The language issue"
    text, html = (part.get_content() for part in mail.iter_parts())  # type: ignore[union-attr]
    for part in (text, html):
        assert "From the editor: Happy spring" in part
        assert "Curator's note" in part.replace("&#x27;", "'")
    assert "Read the <b>appendix</b>." in text
    assert "Read the &lt;b&gt;appendix&lt;/b&gt;." in html


def test_swapping_keeps_the_place(edition: list[Paper], say: Callable[..., str]) -> None:
    first, second, third = (paper.pk for paper in edition[:3])
    say(desk.reorder_pins, [first, second])
    say(desk.replace_pin, first, third)
    assert desk.Desk.of(DAY).pinned == (third, second)


def test_nonsense_changes_nothing(edition: list[Paper], say: Callable[..., str]) -> None:
    pk = edition[0].pk
    say(desk.pin_paper, pk)
    before = Edition.objects.get().desk_changed_at
    for act, given in (
        *(
            (desk.pin_paper, (pk,)),
            (desk.pin_paper, (10**9,)),
            (desk.unpin_paper, (edition[1].pk,)),
        ),
        *(
            (desk.move_pin, (pk, -1)),
            (desk.move_pin, (pk, 5)),
            (desk.replace_pin, (edition[1].pk, pk)),
        ),
        *(
            (desk.reorder_pins, ([pk, 10**9],)),
            (desk.reorder_pins, ([pk],)),
            (desk.show_paper, (pk,)),
        ),
        *((desk.write_paper_note, (pk, " ")), (desk.write_subject_and_note, ("", ""))),
    ):
        assert say(act, *given) == "", act.__name__
    assert desk.Desk.of(DAY).pinned == (pk,)
    assert Edition.objects.get().desk_changed_at == before


def test_an_order_from_an_outdated_page_is_refused(
    edition: list[Paper], say: Callable[..., str], now: datetime
) -> None:
    first, second = edition[0].pk, edition[1].pk
    seen = ""
    say(desk.pin_paper, first)
    with pytest.raises(desk.ChangedMeanwhile):
        say(desk.reorder_pins, [second], expected_version=seen)
    shown = desk.edition_version(Edition.objects.get())
    assert say(desk.reorder_pins, [second], expected_version=shown, at=now + timedelta(minutes=1))


def test_a_closed_edition_cannot_be_changed(
    edition: list[Paper], say: Callable[..., str], now: datetime
) -> None:
    Edition.objects.create(day=DAY, closed_at=now)
    assert say(desk.pin_paper, edition[0].pk) == ""


# --- Approving and holding ----------------------------------------------------------------
@pytest.fixture
def held_by_default(settings: Any) -> None:
    settings.UNAPPROVED_EDITIONS, settings.APPROVE_BY = "hold", timedelta(hours=6)


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Collect queued tasks, because no worker is running."""
    found: list[Any] = []
    for name in ("deliver_digests", "deliver_edition", "open_edition"):
        task = getattr(tasks, name)
        monkeypatch.setattr(task, "delay", lambda given, name=name: found.append((name, given)))
    return found


def test_by_default_an_edition_is_sent_without_approval(
    edition: list[Paper], make_reader: MakeReader, now: datetime, smtp: Sink
) -> None:
    mailing_run.deliver_digests(
        digests.build_due_digests([make_reader(topic=LANGUAGE).pk], now), lambda: now
    )
    assert (Edition.objects.get().state, len(smtp.accepted)) == ("open", 1)


@pytest.mark.usefixtures("held_by_default")
@pytest.mark.promise(39)
def test_nothing_is_sent_before_approval_and_then_with_the_last_changes(
    edition: list[Paper],
    make_reader: MakeReader,
    say: Callable[..., str],
    now: datetime,
    smtp: Sink,
    queued: list[Any],
) -> None:
    pks = digests.build_due_digests([make_reader(topic=LANGUAGE).pk], now)
    mailing_run.deliver_digests(pks, lambda: now)
    assert (smtp.accepted, Edition.objects.get().state) == ([], "waiting")
    later = now + timedelta(minutes=5)
    say(desk.pin_paper, edition[5].pk, at=later)
    recovery.recover_digests(later)
    assert Edition.objects.get().state == "held", "the cut-off is past"
    assert alerts.editions_to_report() == [DAY], "the operator is told"
    assert any("put on hold: No curator" in said for said in alerts.current_problems(later))
    assert states.editions_to_open(later) == []
    assert states.approve_edition(DAY, "ada", later)
    assert states.editions_to_open(later) == [DAY]
    tasks.open_edition(DAY.isoformat())
    assert queued == [("deliver_edition", DAY.isoformat())]
    made = Digest.objects.get()
    assert titles(made)[0] == edition[5].title, "made anew"
    assert made.expires_at == now - timedelta(seconds=30) + timedelta(hours=10)
    mailing_run.deliver_digests(pks, lambda: later)
    assert len(smtp.accepted) == 1
    assert rebuild.rebuild_waiting(DAY, later) == 0


def test_an_unapproved_edition_waits_until_the_cut_off_and_is_then_sent(
    edition: list[Paper], make_reader: MakeReader, now: datetime, settings: Any, queued: list[Any]
) -> None:
    settings.APPROVE_BY = timedelta(hours=9)
    digests.build_due_digests([make_reader(topic=LANGUAGE).pk], now)
    assert recovery.recover_digests(now) == []
    assert (Edition.objects.get().state, states.editions_to_open(now)) == ("waiting", [])
    assert alerts.current_problems(now) == [], "waiting for a curator is no trouble"
    assert not states.open_edition(DAY, now)
    after = now + timedelta(hours=1)
    assert states.editions_to_open(after) == [DAY]
    assert states.open_edition(DAY, after)
    assert len(recovery.recover_digests(after)) == 1


def test_holding_an_approved_edition_stops_it(
    edition: list[Paper], make_reader: MakeReader, now: datetime, smtp: Sink
) -> None:
    pks = digests.build_due_digests([make_reader(topic=LANGUAGE).pk], now)
    states.approve_edition(DAY, "ada", now)
    assert states.hold_edition(DAY, "A wrong pin", "grace", now)
    assert not states.hold_edition(DAY, "Again", "grace", now)
    mailing_run.deliver_digests(pks, lambda: now)
    held = Edition.objects.get()
    assert (held.state, held.changed_by, held.reason, held.approved_at) == (
        "held",
        "grace",
        "A wrong pin",
        None,
    )
    assert alerts.editions_to_report() == [], "whoever holds it knows"
    assert (smtp.accepted, states.open_edition(DAY, now)) == ([], False)
    assert states.approve_edition(DAY, "grace", now)
    assert states.open_edition(DAY, now)
    assert not states.open_edition(DAY, now)


def test_a_paused_edition_is_not_opened_by_approving_it(now: datetime) -> None:
    states.pause_edition(DAY, "Bounces", "Paperboy", now)
    assert not states.approve_edition(DAY, "ada", now)
    assert not states.open_edition(DAY, now)
