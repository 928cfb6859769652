"""Everything once, on real households: log, audit, fit, score, page."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from crm_analytics import batch
from crm_analytics.core.files import whole_file
from crm_analytics.datasets import load_complete_journey
from crm_analytics.reports import portfolio_report


def run_demo(
    output: Path, *, say: Callable[[str], object], progress: Callable[[Iterable[int]], Iterable[int]]
) -> None:
    """Run the demo into the folder `output`, telling each step."""
    began = time.perf_counter()
    log = load_complete_journey().log
    say(f"Complete Journey: {log}")
    model = batch.fit(log, unit="D", horizon=365, annual_discount_rate=0.1, margin=0.25)
    say(f"Chosen: {model.choice_['reason']}")
    churn, said = batch.fit_churn(log)
    say(f"Churn: {said}")
    segments, which = batch.fit_segments(log)
    say(f"Segments: {which}")
    run = batch.score(
        log, model, output, churn=churn, segments=segments, level="description", progress=progress
    )
    say(f"Scored {run.n_customers:,} households for the next 365 days, at a margin of 25 % and 10 % a year.")
    batch.save_models(model, log, output / "models")
    if churn is not None:
        batch.save_churn_model(churn, log, output / "models")
    if segments is not None:
        batch.save_segments(segments, log, output / "models")
    page = portfolio_report(
        log,
        model,
        batch.read_scores(output),
        title="Complete Journey: 2,469 households and what they are worth",
        currency="$",
        next_products=batch.read_next_products(output),
        level="description",
        churn=churn,
        segments=segments,
    )
    with whole_file(output / "report.html") as temporary:
        temporary.write_text(page, "utf-8")
    say(f"Done in {time.perf_counter() - began:.0f} s. Now open:")
    say(f"  {output / 'report.html'}     the page to read, in a browser")
    say(f"  {output / 'scores.parquet'}  one row a household: pandas.read_parquet(...)")
    say(f"  {output / 'next_products.parquet'}  what each will probably buy next, and why")
    say(f"  {output / 'manifest.json'}   what was read, fitted and written")
    say(f"  {output / 'models'}          the fitted models: crm_analytics.batch.load_models(...)")
