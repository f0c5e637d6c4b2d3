"""TeX in titles and abstracts becomes Unicode; other text is left alone."""

from __future__ import annotations

import gzip
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from papers.text import latex
from papers.text.identity import name_key, title_key
from papers.text.markup import html_to_text, one_line, readable_text, unwrap_lines
from papers.text.summary import extract_summary
from tests.shared_data import SHARED, needs_shared_data

CORPUS = SHARED / "corpus" / "papers.jsonl.gz"
TEXISH = st.lists(
    st.sampled_from([*"ab1 .,%$#&_^{}[]()\\~`'\"-<>\n", "\\frac", "\\emph{", "\\ours", "é"])
).map("".join)


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
