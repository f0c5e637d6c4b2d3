"""German and Chinese words of queries in English."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from papers.text import vocabulary
from papers.text.vocabulary import translate, translate_parts


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


@pytest.mark.parametrize(
    ("word", "english"),
    [
        ("Satellitenschüssel", "satellite"),
        ("Lieblingsroboter", "robot"),
        ("Quantenpusteblumenforschung", "quantum research"),
        ("Pusteblume", ""),
        ("transformer", ""),
        ("", ""),
    ],
)
def test_known_parts_of_unknown_compounds_are_translated(word: str, english: str) -> None:
    assert translate_parts(word) == english


def test_the_vocabulary_is_sorted_without_doubles_and_has_single_words() -> None:
    path = Path(vocabulary.__file__).with_name("vocabulary.csv")
    with path.open(encoding="utf-8", newline="") as file:
        rows = [tuple(row) for row in csv.reader(file)]
    keys = [(language, word) for language, word, _english in rows]
    assert keys == sorted(set(keys))
    assert not [word for language, word in keys if language == vocabulary.GERMAN and " " in word]
