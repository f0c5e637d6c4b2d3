from __future__ import annotations

import json
import time
import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from subscriptions.profiles.reference_files import MAX_BYTES, ReferencesError
from subscriptions.profiles.references import (
    MAX_EXAMPLES,
    Reference,
    _unescaped,
    html_line,
    parse_library,
    plain_line,
    split_ids,
    tex_line,
)
from tests.examples import examples

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


@given(st.text("ab Z9.,:;'`-_^~${}\\\\&<>amp;\n\t\u00e9\ue000\u200b", max_size=30))
@example("a_{1}")
@example("O'Brien -- M\\\"uller &amp;lt;i&amp;gt;")
def test_text_without_markup_is_converted_as_other_text(raw: str) -> None:
    """The short cut for such text changes no result."""
    assert plain_line(raw) == html_line(tex_line(_unescaped(raw)))


@pytest.mark.parametrize("data", [ZOTERO, ZOTERO_RIS, ZOTERO_CSL])
@pytest.mark.parametrize("name", ["library.bib", "library.ris", "download", "x.pdf"])
def test_what_a_file_is_shows_in_its_content_not_in_its_name(data: bytes, name: str) -> None:
    assert parse_library(data, name).references == (ATTENTION,)


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
        "archivePrefix = {arXiv}, arxivId = {2401.00001}",
        "eid = {arXiv:2401.00001}, pages = {arXiv:2401.00001}",
        "ee = {https://arxiv.org/abs/2401.00001}",
        "bdsk-url-1 = {https://arxiv.org/abs/2401.00001}",
        "adsurl = {https://ui.adsabs.harvard.edu/abs/2024arXiv240100001O}",
        "url = {arxiv.org/abs/2401.00001}",
        "note = {arXiv: 2401.00001 [cs]}",
        "note = {_eprint: 2401.00001}",
        "note = {arXiv preprint arXiv:2401.00001}",
        "note = {Preprint at \\url{https://arxiv.org/abs/2401.00001}}",
        "note = {Publisher: Somebody\nCitation Key: one2024\narXiv: 2401.00001 [cs.CL]}",
    ],
)
def test_an_arxiv_id_is_found_wherever_managers_put_it(field: str) -> None:
    data = f"@article{{key, title = {{A title}}, {field}}}".encode()
    [reference] = parse_library(data, "x.bib").references
    assert reference.arxiv_id == "2401.00001"


@pytest.mark.parametrize(
    "note",
    [
        "Comment on arXiv:2604.23536",
        "see also https://arxiv.org/abs/2604.23536",
        "Reply to\narXiv:2604.23536",
        "Read after arXiv:2604.23536, arXiv:2604.23537",
        "Cites doi:10.5555/other",
    ],
)
@pytest.mark.parametrize("name", ["note", "annote", "N1", "CSL"])
def test_another_paper_that_a_note_names_is_not_taken_for_this_one(note: str, name: str) -> None:
    if name == "CSL":
        data = json.dumps({"title": "Of threads", "DOI": "10.5555/zzz", "note": note})
    elif name == "N1":
        data = f"TY  - JOUR\nTI  - Of threads\nDO  - 10.5555/zzz\nN1  - {note}\nER  - \n"
    else:
        data = f"@article{{a, title={{Of threads}}, doi={{10.5555/zzz}}, {name}={{{note}}}}}"
    read = parse_library(data.encode(), "a").references
    assert read == (Reference("Of threads", "", "10.5555/zzz"),)


@pytest.mark.parametrize(
    "fields",
    [
        "url = {https://doi.org/10.5555/AB\\_c}",
        "doi = {{10.5555/ab{\\_}c}}",
        "doi = {doi:10.5555/ab_c}",
        "howpublished = {\\url{https://doi.org/10.5555/ab_c}}",
        "url = {https://dl.acm.org/doi/abs/10.5555/ab_c}",
        "note = {DOI: 10.5555/ab_c}",
        "doi = {}, link = {http://dx.doi.org/10.5555/ab_c}",
    ],
)
def test_a_doi_is_found_wherever_managers_put_it(fields: str) -> None:
    data = f"@article{{key, title = {{A title}}, {fields}}}".encode()
    [reference] = parse_library(data, "x.bib").references
    assert reference.doi == "10.5555/ab_c"


@pytest.mark.parametrize("tag", ["DO  - ", "M3  - doi: ", "L3  - ", "UR  - https://doi.org/"])
@pytest.mark.parametrize("gap", ["  - ", " - ", "- ", "  -"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_ris_as_it_is_written_is_read(tag: str, gap: str, end: str) -> None:
    lines = ["TY  - JOUR", "TI  - Threads that carry sound", "PY  - 2005", f"{tag}10.5555/abc"]
    data = "".join(line + end for line in (*lines, "UR  - https://example.org", "ER  - "))
    read = parse_library(data.replace("  - ", gap).encode(), "a.ris")
    assert read.references == (Reference("Threads that carry sound", "", "10.5555/abc"),)
    assert not read.refused


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ('A <i>bridge</i> in <span class="nocase">H<sub>2</sub>O</span>', "A bridge in H2O"),
        ("Sound&lt;sup&gt;2&lt;/sup&gt; &amp; more", "Sound2 & more"),
        ("Threads &amp;amp; sound", "Threads & sound"),
        ("Threads\\n<jats:italic>that</jats:italic> carry<br/>sound", "Threads that carry sound"),
        ("Vec<T> for a < b", "Vec<T> for a < b"),
        ("AT&T and R&D; or Q&A", "AT&T and R&D; or Q&A"),
    ],
)
def test_html_in_titles_of_libraries_is_taken_out(title: str, shown: str) -> None:
    csl = json.dumps([{"title": title.replace("\\n", "\n")}]).encode()
    assert parse_library(csl, "a.json").references[0].title == shown
    ris = f"TY  - JOUR\nTI  - {title.replace(chr(92) + 'n', ' ')}\nER  - \n".encode()
    assert parse_library(ris, "a.ris").references[0].title == shown


def test_titles_are_readable() -> None:
    data = rb"@article{a, title = {The {BERT} of {\"U}ber $\alpha$-things}}"
    assert parse_library(data, "a.bib").references[0].title == "The BERT of Über α-things"
    data = (
        rb"@article{a, title = {{\textless}i{\textgreater}A{\textless}/i{\textgreater} \&amp; b}}"
    )
    assert parse_library(data, "a.bib").references[0].title == "A & b"


@pytest.mark.parametrize(
    ("entry", "title"),
    [
        ("@article{a, title={One}, file={a.pdf}, file={b.pdf}, year=2020}", "One"),
        ("@article{a, title={One}, title={Another}}", "One"),
        (
            '@string{pre = "Threads "}\n@article{k1, title = pre # "that carry sound"}',
            "Threads that carry sound",
        ),
        ("@STRING(pre = {One})\n@article{k1, title = PRE}", "One"),
        ('@article{a, title = "{One {Two}}"}', "One Two"),
        ("@article{a, title = {{One}}}", "One"),
        ("@article(a, title={One})", "One"),
        ("@article{title={One}, year=2020}", "One"),
        ("@article{, title={One}}", "One"),
        ("@ARTICLE { a , Title = {One} , }", "One"),
        ('@article{a, title = "Of {"}threads{"} and sound"}', "Of ”threads” and sound"),
        ("@comment{jabref-meta: grouping;}\n% a remark\n@article{a, title={One}}", "One"),
    ],
)
def test_bibtex_as_managers_write_it_is_read(entry: str, title: str) -> None:
    read = parse_library(entry.encode(), "a.bib")
    assert ([one.title for one in read.references], read.refused) == ([title], ())


def test_what_is_not_there_and_lists_are_read_as_such() -> None:
    entries = [
        {"title": None, "DOI": "10.5555/abc", "note": None, "URL": None},
        {"title": ["Threads"], "DOI": ["10.5555/abd"]},
        {"title": [], "DOI": "10.5555/abe", "container-title": ["A", "B"]},
        {"title": 1984},
    ]
    read = parse_library(json.dumps(entries).encode(), "a.json")
    assert [(one.title, one.doi) for one in read.references] == [
        *(("", "10.5555/abc"), ("Threads", "10.5555/abd")),
        *(("", "10.5555/abe"), ("1984", "")),
    ]


ONE = {"type": "article-journal", "title": "Threads", "DOI": "10.5555/abc"}


@pytest.mark.parametrize(
    "whole",
    [
        *(ONE, [ONE], {"items": [ONE]}, {"references": [ONE]}, {"status": "ok", "message": ONE}),
        *({"message": {"items": [ONE]}}, [{"key": "A1", "data": ONE}]),
        {"items": [ONE, {"itemType": "attachment", "title": "Full Text PDF"}]},
    ],
)
def test_an_entry_alone_and_what_holds_entries_are_read(whole: object) -> None:
    read = parse_library(json.dumps(whole).encode(), "a.json")
    assert read.references == (Reference("Threads", "", "10.5555/abc"),)


@pytest.mark.parametrize("form", ["bib", "ris", "json"])
def test_of_a_large_library_the_newest_are_taken_wherever_they_stand(form: str) -> None:
    years = [(n, 1950 + n // 65) for n in range(5000)]
    if form == "bib":
        entry = "@article{{k{0},\n title={{T{0}}},\n year={{{1}}}\n}}\n"
        data = "".join(entry.format(n, year) for n, year in years)
    elif form == "ris":
        entry = "TY  - JOUR\nTI  - T{0}\nPY  - {1}\nER  - \n"
        data = "".join(entry.format(n, year) for n, year in years)
    else:
        data = json.dumps(
            [{"title": f"T{n}", "issued": {"date-parts": [[year]]}} for n, year in years]
        )
    read = parse_library(data.encode(), f"a.{form}")
    assert (len(read.references), read.left_out, read.refused) == (MAX_EXAMPLES, 4800, ())
    assert read.references[0].title == f"T{next(n for n, year in years if year == years[-1][1])}"
    assert min(int(one.title[1:]) for one in read.references) >= 4700


def test_a_library_of_five_thousand_with_abstracts_is_read_in_bounded_time_and_memory() -> None:
    abstract = "We describe threads that carry sound, and {how} they may be used. " * 20
    data = "".join(
        f"@article{{k{n},\n title={{T{n}}},\n year={{{1950 + n // 65}}},\n"
        f" abstract={{{abstract}}}\n}}\n"
        for n in range(5000)
    ).encode()
    assert len(data) > 6_000_000
    start = time.monotonic()
    tracemalloc.start()
    read = parse_library(data, "a.bib")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (len(read.references), read.left_out) == (MAX_EXAMPLES, 4800)
    assert peak < 100_000_000
    assert time.monotonic() - start < 30  # some 2 without the measuring of memory


def test_a_file_of_very_many_entries_is_refused_in_one_line() -> None:
    with pytest.raises(ReferencesError, match="more than 50,000 entries"):
        parse_library(b"@a{b,t={x}}\n" * 50_001, "a.bib")


def test_a_doi_loses_its_escapes() -> None:
    data = rb"@article{a, title={T}, doi={https://doi.org/10.1000/AB\_c}}"
    assert parse_library(data, "a.bib").references[0].doi == "10.1000/ab_c"


def test_windows_1252_and_an_encoding_that_the_file_names() -> None:
    data = "@article{a, title={Ann’s “threads” – sound}}".encode("cp1252")
    assert parse_library(data, "a.bib").references[0].title == "Ann’s “threads” – sound"
    data = "% Encoding: GB18030\n@article{a, title={声音的线}}".encode("gb18030")
    assert parse_library(data, "a.bib").references[0].title == "声音的线"
    data = "% Encoding: x-MacRoman\n@article{a, title={Über}}".encode("macroman")
    assert parse_library(data, "a.bib").references[0].title == "Über"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16", "utf-16-le"])
def test_encodings(encoding: str) -> None:
    data = "@article{a, title = {Über Maße}}".encode(encoding)
    assert parse_library(data, "a.bib").references[0].title == "Über Maße"


def test_broken_entries_are_named_and_the_rest_is_read() -> None:
    data = b"@article{a, title={One}}\n@article{b, title={Broken\n@article{c, title={Two}}\n"
    data += b"@misc{d, year=1999}"
    read = parse_library(data, "a.bib")
    assert [one.title for one in read.references] == ["One", "Two"]
    assert read.refused == ("line 2: not closed properly", "line 4: neither title nor ID")


def test_broken_entries_of_ris_are_named_by_their_line_and_the_rest_is_read() -> None:
    data = b"TY  - JOUR\nTI  - One\nER  - \n\nstray words\nTY  - JOUR\nTI  - Two\n"
    data += b"TY  - JOUR\nXX bad\nTI  - Three\nER  - \nTY  - JOUR\nPY  - 1999\nER  - \n"
    read = parse_library(data, "a.ris")
    assert {"One", "Two"} <= {one.title for one in read.references}
    assert read.refused == ("line 12: neither title nor ID",)


def test_broken_entries_of_csl_json_are_named_and_the_rest_is_read() -> None:
    data = b'[{"title": "One"}, 7, {"type": "book"}, {"DOI": "10.1000/two"}]'
    read = parse_library(data, "a.json")
    assert [one.title or one.doi for one in read.references] == ["One", "10.1000/two"]
    assert read.refused == ("entry 2: not an object with a title", "entry 3: neither title nor ID")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'[{"title": "One"},\n {"title"', "line 2 is broken or cut off"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[]", "contains no BibTeX, RIS or CSL JSON entries"),
        (b'{"items": 7}', "contains no BibTeX, RIS or CSL JSON entries"),
        (b'{"items": {"a": 1}}', "contains no BibTeX, RIS or CSL JSON entries"),
    ],
)
def test_json_that_is_no_library_says_what_is_wrong(data: bytes, said: str) -> None:
    with pytest.raises(ReferencesError, match=said):
        parse_library(data, "a.json")


def test_years_of_csl_json_decide_what_is_kept() -> None:
    entries = [{"title": f"T{n}", "issued": {"date-parts": [[1900 + n // 4]]}} for n in range(300)]
    read = parse_library(json.dumps({"items": entries}).encode(), "a.json")
    assert (len(read.references), read.left_out) == (MAX_EXAMPLES, 100)
    assert read.references[0].title == "T296"


def test_two_papers_under_one_key_are_two_papers() -> None:
    data = b"@article{a, title={One}}\n@article{a, title={{Two}}}"
    assert [one.title for one in parse_library(data, "a.bib").references] == ["One", "Two"]


def test_the_newest_are_kept() -> None:
    data = "".join(
        f"@article{{k{n}, title={{T{n}}}, year={{{1500 + n}}}}}\n" for n in range(400, 700)
    )
    read = parse_library(data.encode(), "a.bib")
    assert (len(read.references), read.left_out) == (MAX_EXAMPLES, 100)
    assert read.references[0].title in {f"T{n}" for n in range(500, 600)}


@pytest.mark.parametrize("data", [b"", b"hello", b"\0" * 1000, b"%PDF-1.7", b"<html></html>"])
def test_what_is_no_list_of_references_is_refused_in_one_line(data: bytes) -> None:
    with pytest.raises(
        ReferencesError, match="contains no BibTeX, RIS or CSL JSON entries"
    ) as caught:
        parse_library(data, "a.bib")
    assert "\n" not in str(caught.value)


def test_large_files_are_refused() -> None:
    with pytest.raises(ReferencesError, match="larger than 10 MB"):
        parse_library(b" " * (MAX_BYTES + 1), "a.bib")


FEW_PIECES = ("@a{b,t={", "TY  - A\n")
OTHER_PIECES = (
    *("@article{", "@a{b,\nx={y},\n", "@article{a, title={x}}\n", "\n", "@ a "),
    *("@string{a=a}\n@a{b,c=a}\n", "TY  - A\nTI  - $x\\\n", "@a{b,title={$\\frac{"),
)


@pytest.mark.parametrize(
    "piece", [*FEW_PIECES, *(pytest.param(one, marks=pytest.mark.slow) for one in OTHER_PIECES)]
)
def test_hostile_files_end_soon(piece: str) -> None:
    start = time.process_time()
    data = (ZOTERO.decode() + piece * ((MAX_BYTES - 1_000) // len(piece))).encode()
    with suppress(ReferencesError):
        assert len(parse_library(data, "a.bib").references) <= MAX_EXAMPLES
    assert time.process_time() - start < 10


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


@settings(max_examples=examples(300), deadline=None)
@given(st.one_of(st.lists(pieces, max_size=60).map(lambda x: "".join(x).encode()), st.binary()))
@example(b"@a{b,title=\xff\xfe}")
def test_no_file_crashes_the_reader(data: bytes) -> None:
    try:
        read = parse_library(data, "a.bib")
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
