import pytest

from papers.metadata import authors, identifiers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2401.00001", ("2401.00001", None)),
        ("2401.00001v2", ("2401.00001", 2)),
        ("arXiv:0704.0001v12", ("0704.0001", 12)),
        ("oai:arXiv.org:astro-ph/0601001v1", ("astro-ph/0601001", 1)),
        ("math.GT/0309136", ("math/0309136", None)),
        ("http://arxiv.org/abs/cond-mat/0102536v1", ("cond-mat/0102536", 1)),
        ("https://arxiv.org/abs/2401.00001", ("2401.00001", None)),
        ("https://arxiv.org/pdf/2401.00001v3.pdf", ("2401.00001", 3)),
        ("https://www.arxiv.org/html/2401.00001v1/", ("2401.00001", 1)),
        ("https://arxiv.org/abs/2401.00001?context=cs", ("2401.00001", None)),
        ("https://huggingface.co/papers/2401.00001", ("2401.00001", None)),
        ("https://example.org/p/2401.00001", ("2401.00001", None)),
        ("https://doi.org/10.48550/arXiv.2401.00001", ("2401.00001", None)),
        ("10.48550/arxiv.2401.00001", ("2401.00001", None)),
        ("  2401.00001\n", ("2401.00001", None)),
        # As people paste them
        ("arxiv.org/abs/2604.23536", ("2604.23536", None)),
        ("www.arxiv.org/pdf/2604.23536v1", ("2604.23536", 1)),
        ("arXiv.org/pdf/2604.23536v2.pdf#page=3", ("2604.23536", 2)),
        ("export.arxiv.org/abs/hep-th/9901001v3", ("hep-th/9901001", 3)),
        ("https://arxiv.org/abs/arXiv:2604.23536", ("2604.23536", None)),
        ("https://arxiv.org/format/2604.23536", ("2604.23536", None)),
        ("https://www.alphaxiv.org/overview/2604.23536", ("2604.23536", None)),
        ("alphaxiv.org/abs/2604.23536v1", ("2604.23536", 1)),
        ("https://ar5iv.labs.arxiv.org/html/2604.23536", ("2604.23536", None)),
        ("ar5iv.org/abs/2604.23536", ("2604.23536", None)),
        ("hf.co/papers/2604.23536", ("2604.23536", None)),
        ("huggingface.co/papers/2604.23536#community", ("2604.23536", None)),
        ("https://api.semanticscholar.org/arXiv:2604.23536", ("2604.23536", None)),
        ("https://api.semanticscholar.org/graph/v1/paper/arXiv:2604.23536", ("2604.23536", None)),
        ("https://scirate.com/arxiv/2604.23536", ("2604.23536", None)),
        ("https://ui.adsabs.harvard.edu/abs/arXiv:2604.23536/abstract", ("2604.23536", None)),
        ("https://ui.adsabs.harvard.edu/abs/2026arXiv260423536O/abstract", ("2604.23536", None)),
        ("https://web.archive.org/web/2026/https://arxiv.org/abs/2604.23536", ("2604.23536", None)),
        (
            "https://www.google.com/url?q=https%3A%2F%2Farxiv.org%2Fpdf%2F2604.23536v1&sa=D",
            ("2604.23536", 1),
        ),
        ("2604.23536v1.pdf", ("2604.23536", 1)),
        ("arXiv: 2604.23536", ("2604.23536", None)),
        ("arXiv 2604.23536", ("2604.23536", None)),
        ("abs/2604.23536", ("2604.23536", None)),
        ("[arXiv:2604.23536],", ("2604.23536", None)),
        ("https://arxiv.org/abs/2604.23536.", ("2604.23536", None)),
        ("<https://arxiv.org/abs/2604.23536>", ("2604.23536", None)),
        ("q-bio/0309001", ("q-bio/0309001", None)),
        ("cmp-lg/9404001", ("cmp-lg/9404001", None)),
    ],
)
def test_an_arxiv_id_is_found_in_every_usual_form(text: str, expected: tuple[str, int]) -> None:
    assert identifiers.parse_arxiv_id(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2413.00001",  # there is no month 13
        "2401.001",
        "https://doi.org/10.1109/2401.00001",
        "https://example.org/2024/01/2401.00001",
        "https://example.org/posts/why-2401.00001-matters",
        "see arXiv:2401.00001 and others",
        "http://[::1/abs/2401.00001 x",
        "https://github.com/o/r/issues/1234567",
        "issues/1234567",
        "hep-th/9913001",  # nor here
        "https://arxiv.org/list/cs.CL/recent",
        "https://arxiv.org/abs/2604.235361",
        "arxiv.org",
        "example.org/2604.23536",
    ],
)
def test_similar_strings_are_not_arxiv_ids(text: str) -> None:
    assert identifiers.parse_arxiv_id(text) == ("", None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.1103/PhysRevB.85.115117", "10.1103/physrevb.85.115117"),
        ("https://doi.org/10.1016/j.asoc.2026.115267", "10.1016/j.asoc.2026.115267"),
        ("http://dx.doi.org/10.1063/1.1383585", "10.1063/1.1383585"),
        ("doi:10.1101/857789", "10.1101/857789"),
        ("DOI: 10.1101/857789.", "10.1101/857789"),
        ("10.1103/A.1, 10.1103/B.2;10.1103/C.3", "10.1103/a.1"),
        (
            "10.1002/(SICI)1097-0258(19980815/30)17:15;2-S",
            "10.1002/(sici)1097-0258(19980815/30)17:15;2-s",
        ),
        ("https://doi.org/10.1000/a%20b", "10.1000/a"),
        ("https://dl.acm.org/doi/10.1145/3292500", "10.1145/3292500"),
        ("https://dl.acm.org/doi/pdf/10.1145/3292500?download=1", "10.1145/3292500"),
        ("https://www.tandfonline.com/doi/full/10.1080/A.1#s2", "10.1080/a.1"),
        ("https://onlinelibrary.example/doi/10.1002/x.1/full", "10.1002/x.1"),
        ("https://www.doi.org/10.5555/abc", "10.5555/abc"),
        ("DOI 10.5555/abc", "10.5555/abc"),
        ("info:doi/10.5555/abc", "10.5555/abc"),
        ("https://doi.org/10.5555%2Fabc", "10.5555/abc"),
        ("10.1002/(SICI)1097&lt;1::AID&gt;3", "10.1002/(sici)1097<1::aid>3"),
        ("10.48550/arXiv.2401.00001", ""),
        ("https://example.org/10.1000/x", ""),
        ("10.1000", ""),
        ("", ""),
    ],
)
def test_dois_are_normalised(text: str, expected: str) -> None:
    assert identifiers.parse_doi(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ann One, Bo Two", ("Ann One", "Bo Two")),
        ("Ann One, and Bo Two", ("Ann One", "Bo Two")),
        ("Ann One (X, Y), Bo Two (Z (W, V), U)", ("Ann One", "Bo Two")),
        ("Ann One (X), Bo Two (never closed, Cy Three", ("Ann One", "Bo Two", "Cy Three")),
        ("Martin King, Jr., Bo Two", ("Martin King Jr.", "Bo Two")),
        ("Deep Collaboration: Ann One, Bo Two", ("Deep Collaboration", "Ann One", "Bo Two")),
        ("(only brackets), ,", ()),
        ("", ()),
    ],
)
def test_comma_separated_authors_lose_their_affiliations(
    text: str, expected: tuple[str, ...]
) -> None:
    assert authors.parse_arxiv_authors(text) == expected


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["Ann One"], ("Ann One",)),
        (["Ann One and Bo Two"], ("Ann One", "Bo Two")),
        (["Ann One, Bo Two"], ("Ann One", "Bo Two")),
        (["Ann One, Bo Two & Cy Three"], ("Ann One", "Bo Two", "Cy Three")),
        (["One, Ann; Two, Bo C."], ("Ann One", "Bo C. Two")),
        (["One, A., Two, B. C."], ("A. One", "B. C. Two")),
        (["One, Ann", "Two, Bo"], ("Ann One", "Bo Two")),
        (["One, Ann"], ("Ann One",)),
        (["Ann One", "Bo Two", "Ann One"], ("Ann One", "Bo Two")),
        (["editor@example.org", " "], ()),
    ],
)
def test_author_names_of_any_feed_are_in_spoken_order(
    texts: list[str], expected: tuple[str, ...]
) -> None:
    assert authors.parse_authors(texts) == expected
