"""Which data a page rests on: what came, what was set aside, what refunds did, what looks odd."""

from datetime import timedelta

from crm_analytics.reports.wording import Table, day, money, number, percent, several
from crm_analytics.transactions import TransactionLog
from crm_analytics.transactions.schema import REASONS

POLICY = {
    "net": "Each refund takes money back from the same customer's latest earlier purchases of the same item "
    "(policy “net”).",
    "drop": "Refunds are left out; the purchases stay as they were (policy “drop”).",
    "keep": "Refunds count as they stand, as visits with a negative amount (policy “keep”).",
}


def summary(log: TransactionLog, n_scored: int, currency: str) -> tuple[str, str]:
    """Say how much of the source is in the log, and what refunds did."""
    c = log.counts
    if log.start is None or log.end is None:
        return f"None: all {several(c.source, 'line')} of the source were set aside.", ""
    aside = c.source - c.kept
    answer = (
        f"{several(c.kept, 'line')} of {several(log.n_customers, 'customer')}, {day(log.start)} to "
        f"{day(log.end - timedelta(days=1))}, adding up to {money(c.amount, currency)}. "
    )
    answer += (
        f"{several(aside, 'line')} of the source ({percent(aside / c.source)}) could not be used."
        if aside
        else "No line of the source was set aside."
    )
    more = _refunds(log, currency)
    if n_scored < log.n_customers:
        more += (
            f" The scores cover {number(n_scored)} of the customers; the others had no purchase left after "
            "refunds, or came later."
        )
    return answer, more


def counts_table(log: TransactionLog) -> Table:
    """Where every line of the source went."""
    c = log.counts
    rows = [("In the source", c.source), ("Kept", c.kept)]
    rows += [(f"Set aside: {REASONS[reason]}", n) for reason, n in c.set_aside.items()]
    return Table(
        "Where every line went",
        ["Lines", "How many", "Share"],
        [[what, number(n), percent(n / c.source)] for what, n in rows],
    )


def audit_table(log: TransactionLog) -> Table:
    """`log.audit()` for people."""
    return Table(
        "What was looked for and found",
        ["Finding", "How many", "Share", "Examples", "Consequence"],
        [
            [
                row["what"],
                f"{number(row['n'])} {row['of']}",
                percent(row["share"]),
                row["examples"],
                row["consequence"],
            ]
            for row in log.audit().to_dict("records")
        ],
        words=["Examples", "Consequence"],
    )


def _refunds(log: TransactionLog, currency: str) -> str:
    effect = log.refund_effect()
    if not effect["refund_lines"]:
        return "There are no refunds among them."
    said = (
        f"{several(effect['refund_lines'], 'line is a refund', 'lines are refunds')}, "
        f"{money(effect['refund_amount'], currency)} in all. {POLICY[log.refunds]}"
    )
    if log.refunds != "net":
        return said
    return (
        f"{said} {money(effect['matched_amount'], currency)} found their purchases: "
        f"{several(effect['cancelled_in_full'], 'line')} cancelled in full, {number(effect['reduced'])} reduced. "
        f"{money(effect['unmatched_amount'], currency)} found none and changed nothing."
    )
