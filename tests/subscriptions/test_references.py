from __future__ import annotations

import json
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from subscriptions.references import (
    MAX_BYTES,
    MOST_KEPT,
    Reference,
    ReferencesError,
    references,
    split_ids,
)

ZOTERO = rb"""@misc{a_2017, title = {Attention {Is} All You Need}, url = {http://arxiv.org/abs/1706.03762},
 doi = {10.48550/arXiv.1706.03762}, number = {arXiv:1706.03762}, publisher = {arXiv}, year = {2017}}
"""
ZOTERO_RIS = b"""TY  - GEN\r
TI  - Attention Is All You Need\r
DO  - 10.48550/arXiv.1706.03762\r
UR  - http://arxiv.org/abs/1706.03762\r
N1  - arXiv:1706.03762 [cs]\r
PY  - 2017\r
ER  - \r
"""
ZOTERO_CSL = b"""[{"id": "a_2017", "type": "article", "title": "Attention Is All You Need",
 "DOI": "10.48550/arXiv.1706.03762", "URL": "http://arxiv.org/abs/1706.03762",
 "note": "arXiv:1706.03762 [cs]", "author": [{"family": "Vaswani", "given": "Ashish"}],
 "issued": {"date-parts": [["2017", 6, 12]]}}]"""
ATTENTION = Reference("Attention Is All You Need", "1706.03762")


@pytest.mark.parametrize("data", [ZOTERO, ZOTERO_RIS, ZOTERO_CSL])
@pytest.mark.parametrize("name", ["library.bib", "library.ris", "download", "x.pdf"])
def test_what_a_file_is_shows_in_its_content_not_in_its_name(data: bytes, name: str) -> None:
    assert references(data, name).references == (ATTENTION,)


@pytest.mark.parametrize(
    "field",
    [
        "eprint = {2401.00001}, archivePrefix = {arXiv}",
        "eprint = {arXiv:2401.00001v3}",
        "url = {https://arxiv.org/pdf/2401.00001v2.pdf}",
        "note = {arXiv:2401.00001 [cs]}",
        "journal = {arXiv preprint arXiv:2401.00001}",
        "journal = {CoRR}, volume = {abs/2401.00001}",
        "doi = {10.48550/arXiv.2401.00001}",
        "howpublished = {\\url{https://arxiv.org/abs/2401.00001}}",
    ],
)
def test_an_arxiv_id_is_found_wherever_managers_put_it(field: str) -> None:
    data = f"@article{{key, title = {{A title}}, {field}}}".encode()
    [reference] = references(data, "x.bib").references
    assert reference.arxiv_id == "2401.00001"


def test_titles_are_readable() -> None:
    data = rb"@article{a, title = {The {BERT} of {\"U}ber $\alpha$-things}}"
    assert references(data, "a.bib").references[0].title == "The BERT of Über α-things"


def test_a_doi_loses_its_escapes() -> None:
    data = rb"@article{a, title={T}, doi={https://doi.org/10.1000/AB\_c}}"
    assert references(data, "a.bib").references[0].doi == "10.1000/ab_c"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
def test_encodings(encoding: str) -> None:
    data = "@article{a, title = {Über Maße}}".encode(encoding)
    assert references(data, "a.bib").references[0].title == "Über Maße"


def test_broken_entries_are_named_and_the_rest_is_read() -> None:
    data = b"@article{a, title={One}}\n@article{b, title={Broken\n@article{c, title={Two}}\n"
    data += b"@misc{d, year=1999}"
    read = references(data, "a.bib")
    assert [one.title for one in read.references] == ["One", "Two"]
    assert read.refused == ("line 2: not closed properly", "line 4: neither title nor id")


def test_broken_entries_of_ris_are_named_by_their_line_and_the_rest_is_read() -> None:
    data = b"TY  - JOUR\nTI  - One\nER  - \n\nstray words\nTY  - JOUR\nTI  - Two\n"
    data += b"TY  - JOUR\nXX bad\nTI  - Three\nER  - \nTY  - JOUR\nPY  - 1999\nER  - \n"
    read = references(data, "a.ris")
    assert {"One", "Two"} <= {one.title for one in read.references}
    assert read.refused == ("line 12: neither title nor id",)


def test_broken_entries_of_csl_json_are_named_and_the_rest_is_read() -> None:
    data = b'[{"title": "One"}, 7, {"type": "book"}, {"DOI": "10.1000/two"}]'
    read = references(data, "a.json")
    assert [one.title or one.doi for one in read.references] == ["One", "10.1000/two"]
    assert read.refused == ("entry 2: no object with a title", "entry 3: neither title nor id")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'[{"title": "One"},\n {"title"', "line 2 is broken or cut off"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[]", "holds no entry"),
        (b'{"items": 7}', "holds no entry"),
        (b'{"items": {"a": 1}}', "holds no entry"),
    ],
)
def test_json_that_is_no_library_says_what_is_wrong(data: bytes, said: str) -> None:
    with pytest.raises(ReferencesError, match=said):
        references(data, "a.json")


def test_years_of_csl_json_decide_what_is_kept() -> None:
    entries = [{"title": f"T{n}", "issued": {"date-parts": [[1900 + n // 4]]}} for n in range(300)]
    read = references(json.dumps({"items": entries}).encode(), "a.json")
    assert (len(read.references), read.left_out) == (MOST_KEPT, 100)
    assert read.references[0].title == "T296"


def test_two_papers_under_one_key_are_two_papers() -> None:
    data = b"@article{a, title={One}}\n@article{a, title={{Two}}}"
    assert [one.title for one in references(data, "a.bib").references] == ["One", "Two"]


def test_the_newest_are_kept() -> None:
    data = "".join(
        f"@article{{k{n}, title={{T{n}}}, year={{{1500 + n}}}}}\n" for n in range(400, 700)
    )
    read = references(data.encode(), "a.bib")
    assert (len(read.references), read.left_out) == (MOST_KEPT, 100)
    assert read.references[0].title in {f"T{n}" for n in range(500, 600)}


@pytest.mark.parametrize("data", [b"", b"hello", b"\0" * 1000, b"%PDF-1.7", b"<html></html>"])
def test_what_is_no_list_of_references_is_refused_in_one_line(data: bytes) -> None:
    with pytest.raises(ReferencesError, match="holds no entry") as caught:
        references(data, "a.bib")
    assert "\n" not in str(caught.value)


def test_large_files_are_refused() -> None:
    with pytest.raises(ReferencesError, match="larger than 2 MB"):
        references(b" " * (MAX_BYTES + 1), "a.bib")


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "@article{",
            "@a{b,t={",
            "@a{b,\nx={y},\n",
            "@article{a, title={x}}\n",
            "\n",
            "TY  - A\n",
        ),
        *("@string{a=a}\n@a{b,c=a}\n", "TY  - A\nTI  - $x\\\n", "@a{b,title={$\\frac{", "@ a "),
    ],
)
def test_hostile_files_end_soon(piece: str) -> None:
    start = time.monotonic()
    data = (ZOTERO.decode() + piece * (300_000 // len(piece))).encode()
    assert len(references(data, "a.bib").references) <= MOST_KEPT
    assert time.monotonic() - start < 5


pieces = st.sampled_from(
    [
        *("@article{", "@string{", "@comment{", "a,", "title", "eprint", " = ", "{", "}", '"', "#"),
        *("\\", "$", "\n", "TY  - JOUR\n", "TI  - ", "ER  - \n", "UR  - ", "1706.03762", "é", "\0"),
        *(
            "\u2028",
            "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
            "%",
            "@",
            ",",
        ),
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.lists(pieces, max_size=60).map(lambda x: "".join(x).encode()), st.binary()))
@example(b"@a{b,title=\xff\xfe}")
def test_no_file_crashes_the_reader(data: bytes) -> None:
    try:
        read = references(data, "a.bib")
    except ReferencesError:
        return
    assert all(one.title or one.arxiv_id or one.doi for one in read.references)
    assert not any("\n" in one.title or "\0" in one.title for one in read.references)


def test_ids_and_words_are_told_apart() -> None:
    typed = "Long-context models (like 2401.00001v2), https://arxiv.org/abs/1706.03762.\nAgents"
    assert split_ids(typed) == (["2401.00001", "1706.03762"], "Long-context models (like ), Agents")
    assert split_ids("just words, in 2024") == ([], "just words, in 2024")
    assert split_ids("2401.00001\n2401.00001v3,math.GT/0309136") == (
        ["2401.00001", "math/0309136"],
        "",
    )


@given(st.text(max_size=300))
def test_splitting_never_fails(text: str) -> None:
    ids, rest = split_ids(text)
    assert len(rest) <= len(text)
    assert len(ids) == len(set(ids))
