"""From weighed claims to findings in words."""

from typing import Any

from crm_analytics.profiling.evidence.claim import Claim
from crm_analytics.profiling.evidence.finding import Finding, level_of
from crm_analytics.profiling.evidence.kind import Kind
from crm_analytics.profiling.telling.formatting import Formatter, capital


def tell(claim: Claim, kind: Kind, strength: float, formatter: Formatter) -> Finding:
    """Put a claim into words. Raises KeyError where its file declares no such variant, null or alternative."""
    lang = formatter.lang
    said: dict[str, Any] = {
        "subject": claim.subject,
        "customer": claim.customer,
        "start": claim.start,
        "end": claim.end,
        **claim.values,
    }

    def words(template: str) -> str:
        return capital(formatter.vformat(template, (), said), lang)

    return Finding(
        kind=claim.kind,
        stage=kind.stage,
        title=kind.title[lang],
        statement=words(kind.statements[claim.variant][lang]),
        subject=claim.subject,
        customer_id=claim.customer,
        start=claim.start,
        end=claim.end,
        strength=strength,
        level=level_of(strength),
        p_value=claim.p_value,
        bayes_factor=claim.bayes_factor,
        asked=claim.asked,
        null=formatter.vformat(kind.nulls[claim.null][lang], (), said),
        alternatives=tuple(words(kind.alternatives[key][lang]) for key in claim.alternatives),
        rows=claim.lines,
        values=dict(claim.values),
        variant=claim.variant,
        topic=claim.topic,
    )
