"""TeX in titles and abstracts becomes Unicode."""

from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from papers.text.latex import conversion
from papers.text.markup import one_line, readable_text
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
    ],
)
def test_tex_is_converted(tex: str, text: str) -> None:
    assert readable_text(tex) == text


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
def test_signs_that_carry_meaning_are_kept(tex: str, text: str) -> None:
    assert one_line(readable_text(tex.replace("\\u00ad", "\u00ad"))) == text


@needs_shared_data
def test_piecewise_conversion_equals_parsing() -> None:
    with gzip.open(CORPUS, "rt") as lines:
        papers = [json.loads(line) for _, line in zip(range(6000), lines, strict=False)]
    texts = [text for paper in papers for text in (paper["title"], paper["abstract"])]
    with_tex = [text for text in texts if "\\" in text or "$" in text]
    pieced = [(text, conversion.convert_piecewise(text)) for text in with_tex]
    assert sum(bool(quick) for _, quick in pieced) > 0.6 * len(pieced)
    for text, quick in pieced:
        assert not quick or quick == conversion.parse(text)


@pytest.mark.parametrize(
    "tex",
    [
        *("{" * 100, "$" * 99, "\\", "a \\", "\\begin{x}", "\\frac{1}", "{\\em", "}", "\\verb"),
        *("\\left(" * 50, "\\href{", "\\end{x}", "\\begin{verbatim}", "\\newcommand{\\x}"),
        *("$\\unicode{zz}$", "$\\unicode{x110000}$", "$\\unicode{}$", "\\textcolor{red}"),
    ],
)
def test_broken_tex_raises_no_error(tex: str) -> None:
    assert isinstance(readable_text(tex), str)


@pytest.mark.parametrize("code", ["x0", "xD800", "x202E", "xFFFF", "x100000"])
def test_unprintable_character_codes_are_removed(code: str) -> None:
    assert readable_text(f"a$\\unicode{{{code}}}$b") == "ab"


@given(TEXISH)
def test_any_text_is_converted_without_placeholders_left(tex: str) -> None:
    text = readable_text(tex)
    assert not conversion._RESERVED.search(text)
    assert "\n" not in text.replace("\n\n", "")
