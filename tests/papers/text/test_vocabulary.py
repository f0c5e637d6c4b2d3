"""German and Chinese words of queries in English."""

from __future__ import annotations

import pytest

from papers.text.vocabulary import translate


@pytest.mark.parametrize(
    ("word", "english"),
    [
        ("Spracherkennung", "speech recognition"),
        ("medizinischen", "medical"),
        ("Bildsegmentierung", "image segmentation"),
        ("Zeitreihenvorhersagen", "time series prediction"),
        ("Türkisch", "turkish"),
        ("语音识别", "speech recognition"),
        ("医学图像分割", "medical image segmentation"),
        ("transformer", ""),
        ("Qwen3", ""),
        ("", ""),
    ],
)
def test_words_and_compounds_are_translated(word: str, english: str) -> None:
    assert translate(word) == english
