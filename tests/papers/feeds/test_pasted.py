"""What a person types or pastes becomes the address of a feed, or is refused with the reason."""

from __future__ import annotations

import pytest

from papers.feeds import addresses
from papers.feeds.pasted import NotASource, resolve_source_url

RSS = "https://rss.arxiv.org/rss/"
DAILY = "https://huggingface.co/api/daily_papers?limit=100"
BIORXIV = "https://connect.biorxiv.org/biorxiv_xml.php?subject="
MEDRXIV = "https://connect.medrxiv.org/medrxiv_xml.php?subject="


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        *[("cs.AI", f"{RSS}cs.AI"), ("math", f"{RSS}math"), ("CS.cl", f"{RSS}cs.CL")],
        (" cs.AI, cs.CL;hep-th cs.AI", f"{RSS}cs.AI+cs.CL+hep-th"),
        ("https://arxiv.org/list/cs.AI/new", f"{RSS}cs.AI"),
        ("arxiv.org/list/cs.AI/recent", f"{RSS}cs.AI"),
        ("https://arxiv.org/list/cs.AI/pastweek?skip=0&show=50", f"{RSS}cs.AI"),
        ("https://arxiv.org/archive/econ", f"{RSS}econ"),
        ("http://export.arxiv.org/rss/cs.AI+cs.CL", f"{RSS}cs.AI+cs.CL"),
        ("https://rss.arxiv.org/atom/cs.ai", "https://rss.arxiv.org/atom/cs.AI"),
        *[("https://huggingface.co/papers", DAILY), ("huggingface.co/papers/", DAILY)],
        ("https://huggingface.co/papers/date/2026-11-27", DAILY),
        ("https://huggingface.co/papers?date=2026-11-27", DAILY),
        ("https://huggingface.co/api/daily_papers", DAILY),
        ("https://www.biorxiv.org/collection/cell-biology", f"{BIORXIV}cell_biology"),
        ("http://connect.biorxiv.org/biorxiv_xml.php?subject=Ecology", f"{BIORXIV}ecology"),
        ("https://www.biorxiv.org/", f"{BIORXIV}all"),
        ("https://www.medrxiv.org/collection/public-and-global-health",
         f"{MEDRXIV}public_and_global_health"),
        ("https://www.nature.com/natmachintell/", "https://www.nature.com/natmachintell.rss"),
        ("https://www.nature.com/nmeth/research-articles", "https://www.nature.com/nmeth.rss"),
        ("https://www.nature.com/nature.rss", "https://www.nature.com/nature.rss"),
        ("https://www.nature.com/subjects/ecology", "https://www.nature.com/subjects/ecology.rss"),
        ("https://journals.plos.org/plosone/", "https://journals.plos.org/plosone/feed/atom"),
        ("elifesciences.org", "https://elifesciences.org/rss/recent.xml"),
        ("www.jmlr.org", "https://www.jmlr.org/jmlr.xml"),
        ("https://lab.example/feed.xml?a=1", "https://lab.example/feed.xml?a=1"),
        ("<https://lab.example/feed>", "https://lab.example/feed"),
        ("feed://lab.example/feed", "https://lab.example/feed"),
        ("http://127.0.0.1:8001/rss", "http://127.0.0.1:8001/rss"),
        ("https://pubmed.ncbi.nlm.nih.gov/rss/search/1a/", None),
        ("https://export.arxiv.org/api/query?search_query=cat:cs.CL", None),
    ],
)  # fmt: skip
def test_pasted_text_is_resolved_to_the_url_of_a_feed(typed: str, address: str | None) -> None:
    assert resolve_source_url(typed) == (address or typed)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Enter a web address"),
        ("cs.XY", "“cs.XY” isn't an arXiv category. Did you mean cs.SY or cs.CY?"),
        ("cs.CL cs.QQ", "“cs.QQ” isn't an arXiv category."),
        ("https://arxiv.org/list/cs.CLL/new", "Did you mean cs.CL?"),
        ("https://rss.arxiv.org/rss/cs.CL+foo", "“foo” isn't an arXiv category."),
        ("https://arxiv.org/", "This arXiv page has no feed."),
        ("https://arxiv.org/abs/2604.26752", "This is a single paper."),
        ("2604.26752", "This is a single paper."),
        ("https://huggingface.co/papers/2604.26752", "This is a single paper."),
        ("https://doi.org/10.1000/abc", "This is a single paper."),
        ("https://www.nature.com/articles/s41586-000-0000-0", "This is a single paper."),
        ("https://www.biorxiv.org/content/10.1101/2026.01.01.000001v1", "This is a single paper."),
        ("https://huggingface.co/datasets", "only Daily Papers can be added"),
        ("https://www.biorxiv.org/collection/cancer", "Did you mean cancer_biology?"),
        (f"{BIORXIV}neuroscence", "“neuroscence” isn't a bioRxiv subject. Did you mean neuro"),
        ("https://www.medrxiv.org/collection/magic", "“magic” isn't a medRxiv subject."),
        ("https://scholar.google.com/scholar?q=x", "Google Scholar doesn't offer feeds."),
        ("https://pubmed.ncbi.nlm.nih.gov/?term=x", "Click “Create RSS”"),
        ("robotics", "Did you mean the arXiv category cs.RO?"),
        *[(text, "isn't a web address") for text in ("nonsense", "ftp://x.org/feed")],
        *[(text, "isn't a web address") for text in ("http://[x", "http://", "a b.c/d")],
    ],
)
def test_text_that_is_no_source_is_refused_with_the_reason(typed: str, said: str) -> None:
    with pytest.raises(NotASource) as refused:
        resolve_source_url(typed)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://feeds.example.org/rss?token=s3cret", "feeds.example.org"),
        ("https://user:pass@feeds.example.org:8443/rss", "feeds.example.org"),
        *[(url, "") for url in ("http://db/rss", "http://feeds.corp.example.org/", "http://[::1]/")],
        *[(url, "") for url in ("http://10.0.0.1/rss", "http://x.internal/", "nonsense", "http://[")],
    ],
)  # fmt: skip
def test_only_public_host_names_are_shown(url: str, shown: str) -> None:
    assert addresses.public_host_of(url) == shown
