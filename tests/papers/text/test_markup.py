"""What readers see of titles, abstracts and names."""

from __future__ import annotations

import gzip
import json
import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from papers.text import latex
from papers.text.markup import (
    EXTRACT_LENGTH,
    extract_summary,
    html_to_text,
    name_key,
    one_line,
    readable_text,
    short_authors,
    split_sentences,
    title_key,
    unwrap_lines,
)
from tests.shared_data import SHARED, needs_shared_data

CORPUS = SHARED / "corpus" / "papers.jsonl.gz"
TEXISH = st.lists(
    st.sampled_from([*"ab1 .,%$#&_^{}[]()\\~`'\"-<>\n", "\\frac", "\\emph{", "\\ours", "é"])
).map("".join)


# --- TeX --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tex", "text"),
    [
        # formulas
        (r"$\alpha$-VAE is $10\times$ faster", "α-VAE is 10× faster"),
        (r"in $\mathcal{O}(n^2)$, not $O(n^{2k})$", "in O(n²), not O(n²ᵏ)"),
        (r"$n\log n$, $n \log\log n$, $\log(n)$", "n log n, n log log n, log(n)"),
        (r"$x_{i}$, $x_{i,j}$, $\pi_\theta$, $\Delta_{\max}$", "xᵢ, x_(i,j), π_θ, Δₘₐₓ"),
        (r"$10^{-4}$, $\pi^{*}$, $5^\circ$, $x^Q$", "10⁻⁴, π*, 5°, x^Q"),
        (r"$\frac{1}{2}$, $\frac{a+b}{c}$", "1/2, (a+b)/c"),
        (r"$\sqrt{n}$, $\sqrt[3]{n+1}$, $\binom{n}{2}$", "√n, ³√(n+1), (n choose 2)"),
        (r"$\mathbb{R}^d$, $\mathbf{x}$, $\hat{x}$, $\tilde{O}(n)$", "ℝᵈ, x, x̂, Õ(n)"),
        (r"$a\leq b$, $a \le b$, $\sim 10$, ${\sim}70$K", "a ≤ b, a ≤ b, ∼10, ∼70K"),
        (r"\(x_i\) and \[ y = 2 \] and $$z^2$$", "xᵢ and y = 2 and z²"),
        (r"$p < 0.05$, $1\%$, $n \equiv 1 \pmod{3}$", "p < 0.05, 1%, n ≡ 1 (mod 3)"),
        (r"open-ended$\unicode{x2014}$models", "open-ended—models"),
        # accents
        (r"K\"{a}hler, na\"ive, na\"{\i}ve, Erd\H{o}s", "Kähler, naïve, naïve, Erdős"),
        (r"Bj\o rn, \L{}ukasz, fa\c{c}ade, Gar\c con", "Bjørn, Łukasz, façade, Garçon"),
        # macros of text
        (r"\emph{a \textbf{b}} {\em c} \texttt{d\_e}", "a b c d_e"),
        (r"360{\deg} \textsuperscript{2} CO\textsubscript{2}", "360° ² CO₂"),
        (r"\textcolor{red}{x} \underline{y} \eg a \ie b", "x y e.g. a i.e. b"),
        (r"as shown \cite{x}. See~\cite{y, z}, too.", "as shown. See, too."),
        (r"Code.\footnote{\url{https://a.org/b_c%20}}", "Code. (https://a.org/b_c%20)"),
        (r"\href{https://a.org}{here}", "here (https://a.org)"),
        (r"\href{https://a.org/b_c}{a.org/b\_c}", "https://a.org/b_c"),
        (r"\begin{itemize}\item one \item two\end{itemize}", "• one • two"),
        (r"a\\b\,c", "a b c"),
        # the authors' own
        (r"We propose \ours, \ours{} and (\method)", "We propose ours, ours and (method)"),
        (r"a \gls{LLM} of \num{7}B", "a LLM of 7B"),
        # what arXiv's own conversion left of \rho, \beta and \kappa
        (r"\r{ho} = 0.3, \b{eta}-VAE, Cohen's \k{appa}", "ρ = 0.3, β-VAE, Cohen's κ"),
        # signs
        (r"3\% of R\&D, \#1, \$5, \{a\}", "3% of R&D, #1, $5, {a}"),
        ("``quotes'' and `single' and it's", "“quotes” and ‘single’ and it's"),
        ("a---b, c --- d, 1--10, x -- y", "a—b, c — d, 1–10, x – y"),
        ("Fig.~3, about ~10x (~5%)", "Fig. 3, about ~10x (~5%)"),
    ],
)
def test_tex_becomes_readable(tex: str, text: str) -> None:
    assert readable_text(tex) == text


@pytest.mark.parametrize(
    "text",
    [
        "50% of the papers # & more",
        "it costs $5 and $10, or $500-$780 USD",
        "from $3M to $300M+ in 5 years",
        "about $0.16/hour and $1.61/hour (or $0 on free tiers)",
        "snake_case, 10^5 and a_b^c",
        "the set {Austin, Dallas} of {0,1}",
        "run it with --flag and -x",
        "C:/x, a~=b, https://a.org/~me/x_y~z?a=b&c=%20#d",
        "f'' is not touched here: a'b",
        "日本語 العربية עברית é 👩‍🔬",
    ],
)
def test_what_is_no_tex_survives(text: str) -> None:
    kept = text.replace("''", "”")
    assert readable_text(text) == kept


def test_what_is_no_tex_survives_beside_tex() -> None:
    """A formula elsewhere makes the whole text go through the parser."""
    text = "50% of it & # snake_case, 10^5, $5 and $10, https://a.org/~me/x_y~z?a=%20#d"
    assert readable_text(text + r" $\alpha$") == text + " α"


def test_hard_wraps_are_undone_and_paragraphs_kept() -> None:
    wrapped = "One\n  two $x$\r\nthree.\n \n\n  Next\tone."
    assert readable_text(wrapped) == "One two x three.\n\nNext one."
    assert unwrap_lines(wrapped) == "One two $x$ three.\n\nNext one."


@needs_shared_data
def test_what_is_put_together_piece_by_piece_is_as_it_is_read_as_a_whole() -> None:
    with gzip.open(CORPUS, "rt") as lines:
        papers = [json.loads(line) for _, line in zip(range(6000), lines, strict=False)]
    texts = [text for paper in papers for text in (paper["title"], paper["abstract"])]
    pieced = [(text, latex._piecewise(text)) for text in texts if "\\" in text or "$" in text]
    assert sum(bool(quick) for _, quick in pieced) > 0.6 * len(pieced)
    for text, quick in pieced:
        assert not quick or quick == latex._parsed(text)


@pytest.mark.parametrize(
    "tex",
    [
        *("{" * 100, "$" * 99, "\\", "a \\", "\\begin{x}", "\\frac{1}", "{\\em", "}", "\\verb"),
        *("\\left(" * 50, "\\href{", "\\end{x}", "\\begin{verbatim}", "\\newcommand{\\x}"),
        *("$\\unicode{zz}$", "$\\unicode{x110000}$", "$\\unicode{}$", "\\textcolor{red}"),
    ],
)
def test_broken_tex_is_no_error(tex: str) -> None:
    assert isinstance(readable_text(tex), str)


@pytest.mark.parametrize("code", ["x0", "xD800", "x202E", "xFFFF", "x100000"])
def test_no_unprintable_character_comes_in_by_its_number(code: str) -> None:
    assert readable_text(f"a$\\unicode{{{code}}}$b") == "ab"


@given(TEXISH)
def test_no_text_is_an_error_and_no_private_sign_is_left(tex: str) -> None:
    text = readable_text(tex)
    assert not latex._RESERVED.search(text)
    assert "\n" not in text.replace("\n\n", "")


@given(st.text(st.sampled_from("abc XYZ.,;:!?()é中-/123%&#\"'"), max_size=200))
def test_text_without_tex_comes_back_with_white_space_collapsed(text: str) -> None:
    if "--" not in text and "''" not in text:
        assert readable_text(text) == " ".join(text.split())


@pytest.mark.parametrize(
    "unit",
    [
        *("{", "$", "\\", "\\(", "$a ", "\\frac", "\\begin{a}", "^", "x_{", "`", '\\"', "~", "--"),
        *("<", "<a ", "<!--", "&lt;", "\n \n", ". A", "1.", "code ", "we ", ")", "<a =", "("),
    ],
)
def test_time_is_bounded_whatever_comes(unit: str) -> None:
    """Of each unit as much as is still parsed, and a hundred thousand characters."""
    begun = time.process_time()
    for size in (latex.MAX_LENGTH - 10, 100_000):
        hostile = unit * (size // len(unit))
        for function in (
            readable_text,
            html_to_text,
            one_line,
            extract_summary,
            title_key,
            name_key,
        ):
            function(hostile)
    assert time.process_time() - begun < 5


# --- HTML -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>One <b>two</b>.</p><p>Three&nbsp;&amp; four</p>", "One two.\n\nThree & four"),
        ("a<br/>b", "a\n\nb"),
        ("x<script>alert(1)</script><style>p{}</style>y", "xy"),
        ("<img src=x onerror=alert(1)>caption<!-- hidden -->", "caption"),
        ("<jats:p>Journals' own</jats:p>", "Journals' own"),
        ("a < b and c > d, a<b, p <q and r> s", "a < b and c > d, a<b, p <q and r> s"),
        ("&lt;think&gt; tokens", "<think> tokens"),
        ("no markup at all", "no markup at all"),
        ("<a href='https://a.org'>link</a> H<sub>2</sub>O", "link H2O"),
        ("cut <b", "cut <b"),
    ],
)
def test_html_becomes_plain_text(markup: str, text: str) -> None:
    assert html_to_text(markup) == text


# --- Lines and sentences ------------------------------------------------------------------------


def test_one_line_holds_nothing_that_breaks_a_header_or_turns_the_text_around() -> None:
    assert one_line("a\r\nb\x00c\u2028d\u202ee\u2066f\x85g\ud800h") == "a bc def gh"
    assert one_line(" e\u0301 ") == "é"
    assert one_line("می‌خواهم 👩‍🔬") == "می‌خواهم 👩‍🔬"


@pytest.mark.parametrize(
    "whole",
    [
        ["We use e.g. A, i.e. B, cf. C vs. D.", "It works."],
        ["Smith et al. [3] and J. K. Rowling agree (Fig. 3, Sec. 2).", "Next."],
        ["As shown by Smith et al.", "We go on."],
        ["It is state-of-the-art.", "Version 3.5 gains 4.2 points!", "Why?", "iPhones do."],
        ['He said "stop."', "(Then he left.)", "See https://a.org/B.c?d=E for more."],
        ["We tune λ.", "We win."],
        ["The U.S. Army of St. Louis.", "Dr. No."],
        ["One sentence without an end"],
    ],
)
def test_sentences_end_where_they_end(whole: list[str]) -> None:
    assert split_sentences(" ".join(whole)) == whole


def test_a_paragraph_ends_a_sentence() -> None:
    assert split_sentences("A heading\n\nand a text") == ["A heading", "and a text"]
    assert split_sentences("") == []


@given(st.text(st.sampled_from('aB .!?()"\n1')))
def test_sentences_lose_nothing(text: str) -> None:
    assert " ".join(split_sentences(text)).split() == text.split()


# --- The extract ------------------------------------------------------------------------------

BACKGROUND = "In recent years, language models have achieved remarkable success in many fields."
GAP = "However, existing methods remain slow, and their memory grows with the length of the input."
CLAIM = "In this paper, we propose Sieve, a cache that forgets what no later token has asked for."
HOW = "Sieve keeps a counter beside each key and drops the lowest."
RESULT = (
    "Experiments show that Sieve outperforms full attention by 3.2% with a tenth of the memory."
)
CODE = "Code is available at https://example.org/sieve."


def test_the_extract_is_claim_and_result_in_their_order() -> None:
    abstract = " ".join([BACKGROUND, GAP, CLAIM, HOW, RESULT, CODE])
    assert extract_summary(abstract) == f"{CLAIM} {RESULT}"
    assert extract_summary(abstract, limit=1) == CLAIM


def test_a_claim_that_comes_first_is_found_too() -> None:
    assert extract_summary(" ".join([CLAIM, GAP, HOW, RESULT, CODE])) == f"{CLAIM} {RESULT}"


def test_a_result_too_long_to_fit_gives_way_to_a_shorter_one() -> None:
    long = RESULT.removesuffix(".") + ", " + "and on one more benchmark, " * 12 + "too."
    short = "It reduces the cost by 40%."
    assert extract_summary(" ".join([BACKGROUND, CLAIM, long, short])) == f"{CLAIM} {short}"


def test_a_single_long_sentence_stays_whole() -> None:
    long = CLAIM.removesuffix(".") + " and so on" * 60 + "."
    assert extract_summary(" ".join([BACKGROUND, long, CODE])) == long


def test_a_short_abstract_comes_whole_and_an_empty_one_empty() -> None:
    assert extract_summary(f"{BACKGROUND}\n\n{HOW}") == f"{BACKGROUND} {HOW}"
    assert extract_summary("") == ""


def test_neither_links_nor_background_are_taken_for_the_point() -> None:
    chosen = extract_summary(" ".join([BACKGROUND, GAP, HOW, CODE, RESULT]))
    assert RESULT in chosen
    assert not {BACKGROUND, GAP, CODE} & set(split_sentences(chosen))


@needs_shared_data
def test_extracts_of_real_abstracts_are_whole_sentences_of_them() -> None:
    with gzip.open(CORPUS, "rt") as lines:
        some = [
            json.loads(line)["abstract"] or "" for line, _ in zip(lines, range(600), strict=False)
        ]
    for abstract in random.Random(1).sample(some, 200):
        whole = split_sentences(one_line(readable_text(abstract)))
        chosen = split_sentences(extract_summary(readable_text(abstract)))
        assert len(chosen) in (0, 1, 2)
        places = [whole.index(sentence) for sentence in chosen]
        assert places == sorted(places)
        assert len(chosen) < 2 or len(" ".join(chosen)) <= EXTRACT_LENGTH


# --- Names and keys ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("authors", "text"),
    [
        ([], ""),
        (["A. One"], "A. One"),
        (["A. One", "B. Two"], "A. One and B. Two"),
        (["A. One", " ", "B. Two", "C.\nThree"], "A. One, B. Two and C. Three"),
        (["A", "B", "C", "D"], "A, B, C and D"),
        (["A", "B", "C", "D", "E"], "A, B, C and 2 more"),
        (["A"] * 3303, "A, A, A and 3,300 more"),
    ],
)
def test_author_lists_are_cut(authors: list[str], text: str) -> None:
    assert short_authors(authors) == text


def test_spellings_of_one_title_have_one_key() -> None:
    spellings = [
        r"Pre-training $\beta$-VAEs: K\"ahler's Way",
        "Pretraining β-VAEs - Kähler’s way",
        "Pre-Training β-VAEs:\n  Ka\u0308hler's Way.",
    ]
    assert len({title_key(title) for title in spellings}) == 1


def test_different_titles_have_different_keys() -> None:
    titles = ["On a", "On b", "On 1", "On ⊗", "???", "!!!", "深層学習", "深層学習2", "यह", "यहि"]
    assert len({title_key(title) for title in titles}) == len(titles)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Müller, J. K.", "J.K. Muller"),
        ("J K Müller (MIT, (and) more)", "J. K. Müller"),
        (r"Jean-Pierre Sm{\o}rg", "Jean Pierre Smørg"),
        ("WEI WANG", "Wang Wei"),
        ("Łukasz Kaiser", "Lukasz Kaiser"),
    ],
)
def test_spellings_of_one_author_have_one_key(one: str, other: str) -> None:
    assert name_key(one) == name_key(other)


def test_an_initial_is_not_a_first_name() -> None:
    assert name_key("J. Müller") != name_key("Jürgen Müller")


@pytest.mark.parametrize(
    ("tex", "text"),
    [
        (r"$D_{KL}(q\|r)$ and $\|z\|_1 \le 2$", "D_(KL)(q‖r) and ‖z‖₁ ≤ 2"),
        (r"$\left\|B\right\|_2$, $\norm{u}$, \norm*{v}, $\abs{w}$", "‖B‖₂, ‖u‖, ‖v‖, |w|"),
        (r"$\braket{a|b}$, $\ket{0}$, $\bra{1}$", "⟨a|b⟩, |0⟩, ⟨1|"),
        (r"$\lceil x\rceil$ and $\ceil{y}$", "⌈ x⌉ and ⌈y⌉"),
        (r"$D^{(*)}$, $x^{(n)}$", "D⁽*⁾, x⁽ⁿ⁾"),
        (r"$g''(x)$, $g'$, ``quoted''", "g″(x), g′, “quoted”"),
        (r"nano\-tubes and na\u00adno", "nanotubes and nano"),
        ("US$10 to US$20 million, A$5", "US$10 to US$20 million, A$5"),
        (r"$\operatorname*{arg\,max}_x f$", "arg maxₓ f"),
    ],
)
def test_signs_of_tex_that_change_what_a_sentence_says_are_kept(tex: str, text: str) -> None:
    assert one_line(readable_text(tex.replace("\\u00ad", "\u00ad"))) == text
