"""Formulas in HTML become the text that a reader would write."""

from __future__ import annotations

import pytest

from papers.text.markup import html_to_text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("10<sup>4</sup> hours", "10⁴ hours"),
        ("10<sup>-6</sup> m, r<sup>2</sup>", "10⁻⁶ m, r²"),
        ("10<sup><b>7</b></sup>", "10⁷"),
        ("10<jats:sup>7</jats:sup>", "10⁷"),
        ("2<sup>n<sub>1</sub></sup>", "2^(n₁)"),
        ("Ca<sup>2+</sup>, a<sup>&dagger;</sup>, X<sup>TM</sup>", "Ca²⁺, a†, X™"),
        ("the 21<sup>st</sup> century", "the 21st century"),
        ("CO<sub>2</sub> and H<sub>2</sub>O", "CO2 and H2O"),
        ("x<sub>i</sub>, log<sub>10</sub>", "xᵢ, log₁₀"),
        ("<math><msup><mi>y</mi><mn>3</mn></msup></math>", "y³"),
        (
            '<mml:math xmlns:mml="http://www.w3.org/1998/Math/MathML"><mml:msub><mml:mi>m</mml:mi>'
            "<mml:mn>1</mml:mn></mml:msub><mml:mo>=</mml:mo><mml:mn>4</mml:mn></mml:math>",
            "m₁=4",
        ),
        ("the <math><mi>K</mi></math>-coupled", "the K-coupled"),
        ("<math><mfrac><mi>a</mi><mn>2</mn></mfrac></math>", "a/2"),
        ("<math><msqrt><mi>n</mi></msqrt></math>", "√n"),
        ("<math><mi>a</mi><mo>&lt;</mo><mo>&infin;</mo></math>", "a<∞"),
        ("<math><mfrac><mi>a</mi></mfrac></math>", "a"),
        ("<math><mi>x</mi><annotation>x</annotation></math>", "x"),
        ("half <math><mi>x", "half x"),
        ("no <math/> formula", "no formula"),
    ],
)
def test_a_formula_in_html_is_written_as_text(markup: str, text: str) -> None:
    assert html_to_text(markup) == text


def test_a_too_deeply_nested_formula_is_dropped() -> None:
    assert html_to_text(f"a <math>{'<mrow>' * 900}x{'</mrow>' * 900}</math> b") == "a b"


@pytest.mark.parametrize("name", ["sec", "list", "italic", "text", "in", "set", "mode", "jats:p"])
def test_an_element_that_html_does_not_know_keeps_its_text(name: str) -> None:
    words = html_to_text(f"before <{name}>inside</{name}> after").split()
    assert words == ["before", "inside", "after"]


def test_scripts_and_pictures_are_still_dropped() -> None:
    assert html_to_text("a<script>x</script><svg><title>x</title></svg>b<STYLE>x</STYLE>") == "ab"
