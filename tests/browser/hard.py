"""Papers that are difficult to display: long titles, 3,303 authors, LaTeX, Arabic, Chinese."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management import call_command

from papers.models import Paper

LONGEST_WORD = "Donaudampfschifffahrtsgesellschaftskapitänswitwenpensionsauszahlungsstelle"
PAPERS: list[dict[str, Any]] = [
    {
        "title": f"A title without an end on {LONGEST_WORD} and " + "much else besides, " * 12,
        "summary": f"We show that {LONGEST_WORD} fits a narrow screen. " * 6,
        "authors": [f"Author Number {number}" for number in range(1, 3304)],
    },
    {
        "title": r"Sharp $\mathcal{O}(n^{3/2})$ bounds for $\ell_1$ on $\mathbb{R}^{d\times k}$",
        "summary": r"We prove $\sum_{i=1}^{n}\frac{x_i}{\sqrt{1+\lVert x\rVert^2}} \leq \epsilon$ "
        r"for all $\alpha \in (0,1]$, \emph{\`a la} Erd\H{o}s. It improves on what was known by "
        r"$\Theta(\log \log n)$.",
        "authors": [r"Author \"Uber", r"Author \L{}odz"],
    },
    {
        "title": "نماذج لغوية كبيرة: Large language models read from the right",
        "summary": "نبين أن النماذج تقرأ من اليمين إلى اليسار. We show that both directions hold.",
        "authors": ["مؤلف أول", "مؤلف ثان", "Author Three"],
    },
    {
        "title": "大语言模型的推理能力：一项关于长上下文的研究与评测",
        "summary": "我们表明，长上下文有助于推理。该方法在所有测试中都优于以前的结果。",
        "authors": ["作者甲", "作者乙"],
    },
]


def ingest_papers(day: date, folder: Path) -> list[Paper]:
    """Ingest the papers as the top of a day's list, and return them in this order."""
    ids = [f"{day:%y%m}.9900{number}" for number in range(1, len(PAPERS) + 1)]
    items = [
        {
            "paper": {
                "id": name,
                **one,
                "authors": [{"name": author} for author in one["authors"]],
                "upvotes": 9000 - place,
                "submittedOnDailyAt": f"{day}T00:00:00.000Z",
                "publishedAt": f"{day}T00:00:00.000Z",
            }
        }
        for place, (name, one) in enumerate(zip(ids, PAPERS, strict=True))
    ]
    path = folder / "hard.json"
    path.write_text(json.dumps(items))
    call_command("ingest", str(path))
    stored = {paper.arxiv_id: paper for paper in Paper.objects.filter(arxiv_id__in=ids)}
    return [stored[name] for name in ids]


def topics(papers: Sequence[Paper]) -> str:
    """Return topics that match all of the papers."""
    return "; ".join(paper.title[:300] for paper in papers)
