from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from papers.text.folding import fold_text


@pytest.mark.parametrize("dash", ["-", "‐", "‑", "‒", "–", "−", "－", "--"])
def test_all_dashes_between_words_are_equal(dash: str) -> None:
    assert fold_text(f"Navier{dash}Stokes") == "navier-stokes"
    assert fold_text(f"Erdős{dash}Rényi graphs") == "erdos-renyi graphs"


@pytest.mark.parametrize("dash", ["—", "―", " — ", "---", " --- ", " – "])
def test_dashes_between_clauses_separate_words(dash: str) -> None:
    assert fold_text(f"one{dash}two") == "one - two"


@pytest.mark.parametrize("sign", ["'", "’", "‘", "ʼ", "′", "`", "´"])
def test_all_apostrophes_are_equal(sign: str) -> None:
    assert fold_text(f"Cramer{sign}s rule") == "cramer's rule"


@pytest.mark.parametrize("pair", ['""', "“”", "„“", "«»"])
def test_all_quotation_marks_are_equal(pair: str) -> None:
    assert fold_text(f"{pair[0]}thinking{pair[1]}") == '"thinking"'


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Schrödinger  Ångström", "schrodinger angstrom"),
        ("Cafe\u0301 and café", "cafe and cafe"),
        ("Łódź, Ørsted, Straße, Þórr, Œuvre", "lodz, orsted, strasse, thorr, oeuvre"),
        ("e\ufb03cient \ufb01ne-tuning", "efficient fine-tuning"),
        ("Poincare\u0301–Hopf in 𝒪(n²)", "poincare-hopf in o(n2)"),
        ("ISTANBUL, İstanbul, ıstanbul", "istanbul, istanbul, istanbul"),
        ("β-VAE and Β-VAE", "β-vae and β-vae"),
        ("co\u00adoperation, zero\u200bwidth", "cooperation, zerowidth"),
        ("ＧＬＭ－5V", "glm-5v"),
        ("H₂O", "h2o"),
        ("Ёлка", "елка"),
        ("ガス and カス", "ガス and カス"),
        ("한국어 大语言模型", "한국어 大语言模型"),
        (" one \n two\tthree ", "one two three"),
        ("", ""),
    ],
)
def test_spellings_are_unified(text: str, folded: str) -> None:
    assert fold_text(text) == folded


@given(st.text(max_size=40))
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold_text(fold_text(text)) == fold_text(text)
