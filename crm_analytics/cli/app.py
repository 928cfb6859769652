"""The commands. Each parses, calls the library, and says what it wrote."""

import functools
from pathlib import Path
from typing import Annotated

import typer
from tqdm import tqdm

from crm_analytics import batch
from crm_analytics.cli.exit_codes import ALARM
from crm_analytics.cli.household import profile
from crm_analytics.cli.monitoring import say_monitoring, write_drift_chart
from crm_analytics.cli.source import Columns, Log, open_log
from crm_analytics.clv import LifetimeValueModel
from crm_analytics.core import ModelFileError
from crm_analytics.core.files import whole_file
from crm_analytics.segmentation import CustomerSegmenter

app = typer.Typer(
    help="Analytical CRM from one transaction log.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Unit = Annotated[str, typer.Option(help="D, W, M or h: the time unit of model and horizon")]
Horizon = Annotated[
    float | None, typer.Option(help="how far ahead value is counted, in units; a year if not given")
]
Discount = Annotated[float, typer.Option(help="effective discount rate a year")]
Purchases = Annotated[
    str, typer.Option(help="purchase model, such as 'Pareto/NBD'; 'auto' compares all of them on the log")
]
Margin = Annotated[float, typer.Option(help="share of spend that is earned; at 1 the value is revenue")]
ChurnHorizon = Annotated[
    int | None,
    typer.Option(
        help="silence that counts as churn, in units; found on the log if not given; 0: no churn scores"
    ),
]
Lang = Annotated[str, typer.Option(help="language of the names of segments: en or tr")]
Models = Annotated[Path, typer.Option(help="folder written by `crm-analytics fit`")]

_bar = functools.partial(tqdm, desc="scoring", unit="chunk", disable=None)  # quiet when not a terminal


@app.command()
def audit(
    log: Log,
    columns: Columns = None,
    output: Annotated[Path | None, typer.Option(help="write the table to this CSV file too")] = None,
) -> None:
    """Say what is wrong or odd in LOG, with counts and example lines."""
    opened = open_log(log, columns)
    table = opened.audit()
    counts = opened.counts
    typer.echo(f"{counts.source:,} lines: {counts.kept:,} kept, {counts.source - counts.kept:,} set aside")
    for row in table.to_dict("records"):
        share = f" ({row['share']:.2%})" if row["of"] == "lines" else ""
        typer.echo(f"\n{row['n']:>11,} {row['of']}{share}  {row['check']}: {row['what']}")
        typer.echo(f"{'':12}{row['examples']}\n{'':12}→ {row['consequence']}")
    if table.empty:
        typer.echo("Nothing odd was found.")
    if output is not None:
        with whole_file(output) as temporary:
            table.to_csv(temporary, index=False)
        typer.echo(f"\nWritten: {output}")


@app.command()
def fit(
    log: Log,
    models: Annotated[Path, typer.Option(help="folder to write the fitted models to")],
    unit: Unit = "D",
    horizon: Horizon = None,
    annual_discount_rate: Discount = 0.1,
    margin: Margin = 1.0,
    purchases: Purchases = "auto",
    churn_horizon: ChurnHorizon = None,
    lang: Lang = "en",
    columns: Columns = None,
) -> None:
    """Fit lifetime value, churn and segments to LOG."""
    opened = open_log(log, columns)
    model = batch.fit(
        opened,
        unit=unit,
        horizon=horizon,
        annual_discount_rate=annual_discount_rate,
        margin=margin,
        purchases=purchases,
    )
    folder = batch.save_models(model, opened, models)
    typer.echo(
        f"{model.purchases_.n_customers_:,} customers, {model.purchases_.fit_report_['message']}: {folder}"
    )
    _say_why(model)
    if churn_horizon != 0:
        churn, said = batch.fit_churn(opened, unit=unit, horizon=churn_horizon)
        if churn is not None:
            batch.save_churn_model(churn, opened, models)
        _say_churn(churn is not None, said)
    segments, said = batch.fit_segments(opened, unit=unit, previous=_earlier(models, unit), lang=lang)
    if segments is not None:
        batch.save_segments(segments, opened, models)
    _say_segments(segments is not None, said)


@app.command()
def score(
    log: Log,
    output: Annotated[
        Path,
        typer.Option(help="folder for scores, next_products and rejects (Parquet) and manifest.json"),
    ],
    models: Annotated[
        Path | None, typer.Option(help="folder written by `fit`; fits first if not given")
    ] = None,
    unit: Unit = "D",
    horizon: Horizon = None,
    annual_discount_rate: Discount = 0.1,
    margin: Margin = 1.0,
    purchases: Purchases = "auto",
    churn_horizon: ChurnHorizon = None,
    lang: Lang = "en",
    next_products: Annotated[
        int,
        typer.Option(
            help="products to name for each customer, so many to buy again and so many new ones; 0: none"
        ),
    ] = 3,
    level: Annotated[
        str, typer.Option(help="what counts as a product: item_id, description, category, department, brand")
    ] = "item_id",
    exclude: Annotated[
        list[str] | None, typer.Option(help="a product never to be named, such as POSTAGE; may be repeated")
    ] = None,
    chunk_size: Annotated[int, typer.Option(help="customers scored at a time")] = 100_000,
    columns: Columns = None,
) -> None:
    """Score every customer of LOG; the fit options count only where no models are given."""
    opened = open_log(log, columns)
    if models is None:
        model = batch.fit(
            opened,
            unit=unit,
            horizon=horizon,
            annual_discount_rate=annual_discount_rate,
            margin=margin,
            purchases=purchases,
        )
        churn, said = (
            batch.fit_churn(opened, unit=unit, horizon=churn_horizon) if churn_horizon != 0 else (None, "")
        )
        segments, which = batch.fit_segments(opened, unit=unit, lang=lang)
    else:
        model = batch.load_models(models)
        churn, said = batch.load_churn_model(models), ""
        segments, which = batch.load_segments(models), ""
    run = batch.score(
        opened,
        model,
        output,
        churn=churn,
        segments=segments,
        next_products=next_products,
        level=level,
        exclude=exclude or [],
        chunk_size=chunk_size,
        progress=_bar,
    )
    typer.echo(f"{run.n_customers:,} customers scored, {run.n_rejected:,} lines set aside: {run.manifest}")
    if run.no_products:
        typer.echo(f"  No next products: {run.no_products}.")
    if run.no_churn:
        typer.echo(f"  No churn scores: {run.no_churn}")
    _say_why(model)
    if said:
        _say_churn(churn is not None, said)
    if which:
        _say_segments(segments is not None, which)


def _say_why(model: LifetimeValueModel) -> None:
    """The purchase model chosen and why, and what to beware of."""
    for line in [model.choice_["reason"], *model.choice_["warnings"]]:
        typer.echo(f"  {line}")


def _say_churn(fitted: bool, said: str) -> None:
    """What churn is and how the model was found, or why there is none."""
    typer.echo(f"  Churn: {said}" if fitted else f"  No churn scores: {said}")


def _earlier(models: Path, unit: str) -> CustomerSegmenter | None:
    """The segments that a fit into the same folder goes on from, if there are any to go on from."""
    try:
        found = batch.load_segments(models)
    except ModelFileError as error:  # it is about to be replaced
        typer.echo(f"  Segments are numbered anew: {error}")
        return None
    if found is None or found.snapshots_["unit"] == unit:
        return found
    typer.echo(
        f"  Segments are numbered anew: those in {models} count in {found.snapshots_['unit']}, not in {unit}."
    )
    return None


def _say_segments(fitted: bool, said: str) -> None:
    """What segments there are, or why there are none."""
    typer.echo(f"  Segments: {said}." if fitted else f"  No segments: {said}")


@app.command()
def report(
    log: Log,
    models: Models,
    scores: Annotated[Path, typer.Option(help="folder written by `crm-analytics score`")],
    output: Annotated[Path, typer.Option(help="HTML file to write")],
    title: Annotated[str, typer.Option(help="heading of the page")] = "Customer portfolio",
    currency: Annotated[str, typer.Option(help="sign to write before amounts")] = "",
    columns: Columns = None,
) -> None:
    """Write one self-contained page on the customers of LOG and their scores."""
    from crm_analytics.reports import portfolio_report  # slow to load, and only needed here

    opened = open_log(log, columns)
    page = portfolio_report(
        opened,
        batch.load_models(models),
        batch.read_scores(scores),
        title=title,
        currency=currency,
        next_products=batch.read_next_products(scores),
        level=batch.level_of_products(scores),
        churn=batch.load_churn_model(models),
        segments=batch.load_segments(models),
    )
    with whole_file(output) as temporary:
        temporary.write_text(page, "utf-8")
    typer.echo(f"Written: {output}")


app.command()(profile)


@app.command()
def monitor(
    earlier: Annotated[Path, typer.Argument(help="folder written by an earlier `crm-analytics score`")],
    later: Annotated[Path, typer.Argument(help="folder written by a later one")],
    output: Annotated[Path | None, typer.Option(help="write the table of drift to this CSV file")] = None,
    chart: Annotated[Path | None, typer.Option(help="draw the drift into this SVG file")] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(help="a column not to compare; may be repeated")
    ] = None,
    realised: Annotated[
        str | None,
        typer.Option(help="log of what happened since: who left, against EARLIER's churn probabilities"),
    ] = None,
    columns: Columns = None,
    fail_on_alarm: Annotated[bool, typer.Option("--fail-on-alarm", help="exit with 4 on an alarm")] = False,
) -> int:
    """Compare the scores of two runs: what drifted, and who left of those who were said to."""
    if columns is not None and realised is None:
        raise typer.BadParameter("--columns describes a log, and none is given: --realised LOG.")
    opened = None if realised is None else open_log(realised, columns)
    found = batch.monitor(earlier, later, log=opened, exclude=exclude or [])
    if chart is not None:
        write_drift_chart(found, chart)
    if output is not None:
        with whole_file(output) as temporary:
            found.drift.to_csv(temporary, index=False)
    say_monitoring(found, say=typer.echo)
    for path in (output, chart):
        if path is not None:
            typer.echo(f"Written: {path}")
    return ALARM if fail_on_alarm and found.alarms() else 0


@app.command()
def demo(
    output: Annotated[Path, typer.Option(help="folder to write to")] = Path("demo-output"),
) -> None:
    """Read, audit, fit, score and report on a year of 2,469 real households (Complete Journey)."""
    from crm_analytics.cli.demo import run_demo

    run_demo(output, say=typer.echo, progress=_bar)
