"""Descriptions of feeds: labels, citation lines and headings are told apart from prose."""

from __future__ import annotations

import pytest

from papers.metadata import descriptions
from papers.metadata.descriptions import Description


@pytest.mark.parametrize(
    ("html", "description"),
    [
        # Nature: the abstract follows the citation.
        (
            "<p>Ropes, Published online: 3 May 2026; <a href='x'>doi:10.5555/r.1</a></p>We pull.",
            Description("We pull."),
        ),
        # The American Physical Society: authors before, citation after.
        (
            "Author(s): Ann One and Bo Two<br /><p>We measure it.</p><br />"
            "[Phys. Rev. X 12, 300004] Published Mon May 04, 2026",
            Description("We measure it.", "Ann One and Bo Two"),
        ),
        # PubMed: citation, heading, sections, ids.
        (
            '<div><p style="color: #4aa564;">J Ropes. 2026 May 4. doi: 10.5555/r.2. Online ahead '
            "of print.</p><p><b>ABSTRACT</b></p><p><b>AIMS:</b> To pull.</p><p><b>RESULTS:</b> "
            "It held.</p><p>PMID:<a>41000000</a> | DOI:<a>10.5555/r.2</a></p></div>",
            Description("AIMS: To pull.\n\nRESULTS: It held."),
        ),
        (
            "<p>Ropes hold.</p><p>DOI: 10.5555/r.3</p>",
            Description("Ropes hold.", doi="10.5555/r.3"),
        ),
        ("<p>Authors: Ann One</p><p>Ropes hold.</p>", Description("Ropes hold.", "Ann One")),
        # Prose that begins like a label.
        (
            "<p>We ask.</p><p>Source: a survey of 2020.</p><p>Votes: 3 of 4.</p>",
            Description("We ask.\n\nSource: a survey of 2020.\n\nVotes: 3 of 4."),
        ),
        ("DOI: a name for things that last.", Description("DOI: a name for things that last.")),
        ("Date: a fruit. We grow it.", Description("Date: a fruit. We grow it.")),
        # A paper without an abstract.
        ("Ropes, Volume 3, Issue 2, Page 1-9, May 2026. <br/>", Description()),
        ("ROPES, EarlyView.", Description()),
        ("Rope Review, Ahead of Print.", Description()),
        ("Journal of ropes, Volume 3, Issue 2, May 2026, Page 1-9. <br/>", Description()),
        ("bioRxiv. 2026 May 4:2026.05.04.700000. doi: 10.5555/2026.05.04.700000.", Description()),
        # Headings.
        ('<div class="boxTitle">Abstract</div>Ropes sing.', Description("Ropes sing.")),
        ("<sec><st>Abstract</st><p>Ropes sing.</p></sec>", Description("Ropes sing.")),
        ("<b>Abstract</b> Ropes sing.", Description("Ropes sing.")),
        (
            "<jats:title>Abstract</jats:title><jats:p>Ropes sing.</jats:p>",
            Description("Ropes sing."),
        ),
        ("ABSTRACT Ropes sing.", Description("Ropes sing.")),
        ("Abstract syntax trees sing.", Description("Abstract syntax trees sing.")),
        ("<b>Upvotes:</b> 6 <b>Summary:</b> Ropes sing.", Description("Ropes sing.", votes=6)),
        ("", Description()),
    ],
)
def test_a_description_is_parsed(html: str, description: Description) -> None:
    assert descriptions.parse_description(html) == description


@pytest.mark.parametrize(
    "text",
    [
        "Volume 3 of the archive was lost in 1914.",
        "We published online in 2026.",
        "Page 12 of the codex shows a volume 3.",
        "Background: we measured volume 5 of the hippocampus.",
        "Ropes hold.",
        "ImageNet, a volume of 1.2 million images.",
    ],
)
def test_a_sentence_is_not_a_citation(text: str) -> None:
    assert not descriptions.is_citation(text)
