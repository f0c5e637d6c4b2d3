"""The lexicon of a corpus, kept in a file: learning takes minutes, and evaluations repeat it."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from devtools.evaluation.cases import Corpus, EvaluationError
from papers.vectors.lexicon import Lexicon, LexiconError


def add_lexicon_argument(parser: ArgumentParser) -> None:
    """Add the option --lexicon."""
    parser.add_argument(
        "--lexicon", type=Path, help="keep what is learnt from the papers here, for the next run"
    )


def learn_lexicon(corpus: Corpus, path: Path | None) -> Lexicon:
    """Return the lexicon in a file; learn it first if the file is missing.

    Raise `EvaluationError` if it was learnt from another number of papers.
    """
    if path is None:
        return Lexicon.learn(corpus.papers)
    try:
        if not path.exists():
            path.write_bytes(Lexicon.learn(corpus.papers).dumps())
        lexicon = Lexicon.loads(path.read_bytes())
    except (OSError, LexiconError) as error:
        raise EvaluationError(f"{path}: {error}") from error
    if lexicon.paper_count != len(corpus.papers):
        raise EvaluationError(f"{path}: learnt from {lexicon.paper_count} papers, not from these")
    return lexicon
