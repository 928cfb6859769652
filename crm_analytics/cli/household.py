"""The command that profiles one household."""

from pathlib import Path
from typing import Annotated

import typer

from crm_analytics.cli.source import Columns, Log, open_log
from crm_analytics.core.files import whole_file

_SAID = {
    "en": {
        "told": "{n:count finding} from {lines:count line}.",
        "aside": "{n:count} of {source:count line} set aside ({why:word}); see `crm-analytics audit`.",
        "written": "Written",
    },
    "tr": {
        "told": "{lines:count} satırdan {n:count} bulgu.",
        "aside": "{source:count} satırdan {n:count} tanesi ayrıldı ({why:word}); bkz. `crm-analytics audit`.",
        "written": "Yazıldı",
    },
}


def profile(
    log: Log,
    household: Annotated[
        str, typer.Option(help="the household's identifier, or a customer's where --context has no cards")
    ],
    output: Annotated[Path, typer.Option(help="HTML file to write")],
    context: Annotated[
        Path | None,
        typer.Option(
            help="folder with any of cards, stores, calendar, forms (.parquet or .csv) and tags.csv"
        ),
    ] = None,
    country: Annotated[
        str | None, typer.Option(help="such as TR: its holidays, where the folder has no calendar")
    ] = None,
    as_of: Annotated[str | None, typer.Option(help="first day not seen; all of the log if not given")] = None,
    sensitive: Annotated[
        list[str] | None,
        typer.Option(help="a topic that may be told: health, religion or pregnancy; may be repeated"),
    ] = None,
    show_cards: Annotated[
        bool, typer.Option("--show-cards", help="name cards by their number, and lines by theirs")
    ] = False,
    margin: Annotated[float, typer.Option(help="share of a price that is earned, for the offer")] = 0.25,
    lang: Annotated[str, typer.Option(help="language of the page: en or tr")] = "en",
    title: Annotated[str, typer.Option(help="heading of the page; names nobody if not given")] = "",
    columns: Columns = None,
) -> None:
    """Write one page on who a household of LOG is, with the lines that say so, and what to offer it."""
    from crm_analytics.profiling import Economics, choose_offer, profile_household, read_context
    from crm_analytics.reports import household_report  # slow to load, and only needed here

    topics, economics = sensitive or [], Economics(margin=margin)
    opened = open_log(log, columns)
    found = profile_household(
        opened,
        household,
        context=read_context(context, opened, country=country),
        as_of=as_of,
        sensitive=topics,
        lang=lang,
        show_cards=show_cards,
    )
    offer = choose_offer(found, economics)
    page = household_report(found, offer, title=title, sensitive=topics)
    with whole_file(output) as temporary:
        temporary.write_text(page, "utf-8")
    write, words, counts = found.formatter.format, _SAID[lang], opened.counts
    aside = {write("{n:count}", n=n) + f" {reason}": n for reason, n in counts.set_aside.items()}
    told = write(words["told"], n=len(found.findings), lines=found.totals["lines"])
    typer.echo(f"{told} {offer.statement}")
    if aside:
        n, why = sum(aside.values()), ", ".join(aside)
        typer.echo(write(words["aside"], n=n, source=counts.source, why=why))
    typer.echo(f"{words['written']}: {output}")
