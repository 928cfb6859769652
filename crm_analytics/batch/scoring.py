"""Score every customer: in chunks, resumable, and whole or not at all.

The work is done in a hidden folder beside the output: the summary once, then one file a
chunk and the next products, each written whole. A run that was killed finds there what is
finished, if input, model and settings are the same. At the end the four files are put in the
place of the output folder in one step (see docs/decisions/0004-whole-output.md).
"""

import json
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from crm_analytics.batch.churn import with_churn, write_churn
from crm_analytics.batch.next_products import (
    NEXT_PRODUCTS,
    told_of,
    with_next_product,
    write_next_products,
)
from crm_analytics.batch.segments import told_of_segments, with_segments, write_segments
from crm_analytics.churn import ChurnClassifier
from crm_analytics.clv import LifetimeValueModel
from crm_analytics.core import ConvergenceError, MissingDataError, model_fingerprint
from crm_analytics.core.errors import choice
from crm_analytics.core.files import recover_folder, replace_folder, sha256_of, whole_file
from crm_analytics.features.histories import LEVELS
from crm_analytics.features.summary import stream_summary, summary_frame
from crm_analytics.segmentation import CustomerSegmenter
from crm_analytics.transactions import TransactionLog

LEVEL = 0.9  # of the interval in which a customer's value will lie
SCORES, REJECTS, MANIFEST = "scores.parquet", "rejects.parquet", "manifest.json"
CHURN, SEGMENTS = "churn.parquet", "segments.parquet"  # of the unfinished work


@dataclass(frozen=True)
class ScoreRun:
    """What a scoring run did.

    Attributes
    ----------
    n_customers : int
        Customers scored.
    n_rejected : int
        Lines of the log set aside.
    n_chunks, n_resumed : int
        Chunks in all, and those found finished from a run that was stopped.
    no_churn : str
        Why a churn model was given and could not be asked; empty where it was.
    no_products : str
        Why no next products are named; empty where they are.
    manifest : Path
        Of manifest.json; scores.parquet, next_products.parquet and rejects.parquet lie beside it.
    """

    n_customers: int
    n_rejected: int
    n_chunks: int
    n_resumed: int
    manifest: Path
    no_products: str
    no_churn: str


def score(
    log: TransactionLog,
    model: LifetimeValueModel,
    output: str | Path,
    *,
    snapshot_date: date | datetime | str | None = None,
    churn: ChurnClassifier | None = None,
    segments: CustomerSegmenter | None = None,
    next_products: int = 3,
    level: str = "item_id",
    exclude: Sequence[str] = (),
    chunk_size: int = 100_000,
    progress: Callable[[Iterable[int]], Iterable[int]] | None = None,
) -> ScoreRun:
    """Write scores, next products, rejected lines and a manifest to the folder `output`.

    scores.parquet has a row a customer: the summary, what `LifetimeValueModel.predict_table`
    gives, with a churn model `p_churn` and its reasons in words, with a segmenter
    `value_segment`, `rfm`, `rfm_segment` and `behaviour_segment`, and the best of
    next_products.parquet: `next_product`, and `new_product` for the best that the customer never
    bought, each with `_chance` and `_reason`. next_products.parquet has
    what `NextBasketRecommender.recommend` tells: what each customer will probably buy again,
    and what anew, by falling chance. rejects.parquet holds the lines set aside.

    Parameters
    ----------
    log : TransactionLog
    model : LifetimeValueModel
        Fitted; its unit is the summary's.
    output : path
        Folder. The four files appear together or not at all; other files in it are kept.
    snapshot_date : date, datetime or str, optional
        First instant not seen; the log's end by default.
    churn : ChurnClassifier, optional
        As `batch.fit_churn` fits it. `p_churn` is missing for customers without a purchase in its
        longest window, who have left already; of the 100,000 riskiest `churn_reason_1` to `_3` say why.
    segments : CustomerSegmenter, optional
        As `batch.fit_segments` fits it.
    next_products : int >= 0
        Products of either kind to name for each customer; with 0, or where the log has no `level`,
        next_products.parquet is empty and the scores lack its columns.
    level : str
        What counts as a product: "item_id", "description", "category", "department", "brand".
    exclude : sequence of str
        Products never to be named, such as postage or bags; as text, whatever their type in the log.
    chunk_size : int
        Customers scored at a time; memory grows with it, the answer does not change.
    progress : callable, optional
        Wraps the iterable of chunks, such as `tqdm`.

    Returns
    -------
    ScoreRun

    Raises
    ------
    ValueError
        If `chunk_size` < 1, `next_products` < 0, the level is unknown, or no line lies before `snapshot_date`.
    OutputError
        If `output` is a file, or holds the working directory.
    """
    if chunk_size < 1:
        raise ValueError(f"chunk_size must be >= 1. Got {chunk_size!r} instead.")
    if next_products < 0:
        raise ValueError(f"next_products must be >= 0. Got {next_products!r} instead.")
    choice(level, name="level", allowed=LEVELS)
    clock = _Clock()
    output = Path(output).absolute()
    output.parent.mkdir(parents=True, exist_ok=True)
    recover_folder(output)
    snapshot = log.snapshot(snapshot_date)
    job = _job(log, model, snapshot, chunk_size) | {
        "next_products": next_products,
        "level": level,
        "exclude": sorted(map(str, exclude)),
        "churn_fingerprint": None if churn is None else model_fingerprint(churn),
        "segments_fingerprint": None if segments is None else model_fingerprint(segments),
    }
    work = _open_work(output.with_name(f".{output.name}.work"), job)
    clock.lap("open")
    summary = pq.ParquetFile(_summarise(log, model.unit, snapshot, work, chunk_size))
    clock.lap("summarise")
    chunks = range(summary.num_row_groups)
    parts = [work / "parts" / f"{i:06d}.parquet" for i in chunks]
    resumed = sum(part.exists() for part in parts)
    for i in progress(chunks) if progress else chunks:
        if not parts[i].exists():
            _write_chunk(summary.read_row_group(i), model, parts[i])
    clock.lap("score")
    leavers, no_churn = work / CHURN, ""
    if churn is not None and not leavers.exists():
        try:
            write_churn(log, churn, snapshot, leavers)
        except ConvergenceError as error:  # the rhythm of this log cannot be learned; its values can
            churn, no_churn = None, str(error)
    clock.lap("churn")
    segmented = work / SEGMENTS
    if segments is not None and not segmented.exists():
        write_segments(log, segments, snapshot, segmented)
    clock.lap("segments")
    products = work / NEXT_PRODUCTS
    if not products.exists():
        ids = summary.read(columns=["customer_id"])["customer_id"]
        write_next_products(log, ids, snapshot, products, n=next_products, level=level, exclude=exclude)
    clock.lap("next products")
    new = _assemble(
        log,
        parts,
        products,
        leavers=leavers if churn is not None else None,
        segmented=segmented if segments is not None else None,
        work=work,
    )
    n_customers = summary.metadata.num_rows
    summary.close()
    clock.lap("write")
    fitted = {
        "churn": None if churn is None else churn.snapshots_ | {"fit": churn.fit_report_},
        "segments": None if segments is None else told_of_segments(segments),
    }
    _write_manifest(
        new,
        log,
        model,
        fitted,
        job,
        n_customers,
        {"chunks": len(parts), "resumed": resumed, **clock.report()},
    )
    replace_folder(new, output)
    shutil.rmtree(work)
    aside = log.counts.source - log.counts.kept
    why_none = told_of(output / NEXT_PRODUCTS).get("why_none", "")
    return ScoreRun(n_customers, aside, len(parts), resumed, output / MANIFEST, why_none, no_churn)


def read_scores(folder: str | Path) -> pd.DataFrame:
    """Read the scores that `score` wrote to `folder`, indexed by customer_id.

    Raises MissingDataError if there are none.
    """
    return pq.read_table(_written(folder, SCORES)).to_pandas().set_index("customer_id")


def read_next_products(folder: str | Path) -> pd.DataFrame:
    """Read the next products that `score` wrote to `folder`: customer_id, rank, item_id, score, kind, reason.

    Empty where none were asked for or the log has no products. Raises MissingDataError if the
    file is not there.
    """
    return pq.read_table(_written(folder, NEXT_PRODUCTS)).to_pandas()


def level_of_products(folder: str | Path) -> str:
    """Return what counts as a product in the next products of `folder`, such as "item_id"."""
    return told_of(_written(folder, NEXT_PRODUCTS)).get("level", "item_id")


def _written(folder: str | Path, name: str) -> Path:
    path = Path(folder) / name
    recover_folder(Path(folder))
    if not path.exists():
        raise MissingDataError(
            f"{path} is not there. Run `crm-analytics score` with --output {folder} first."
        )
    return path


def _job(
    log: TransactionLog, model: LifetimeValueModel, snapshot: datetime, chunk_size: int
) -> dict[str, Any]:
    """What the answer depends on; the same job gives the same bytes."""
    counts = log.counts
    return {
        "input": {
            "source": log.source.name,
            "columns": log.reading.columns,
            "date_formats": log.reading.date_formats,
            "decimal": log.reading.decimal,
            "fingerprint": log.fingerprint(),
            "lines": counts.source,
            "kept": counts.kept,
            "set_aside": counts.set_aside,
            "refunds": log.refunds,
        },
        "snapshot_date": snapshot.isoformat(),
        "model_fingerprint": model_fingerprint(model),
        "chunk_size": chunk_size,
        "versions": {
            name: version(name)
            for name in ("crm_analytics", "numpy", "scipy", "duckdb", "lightgbm", "pyarrow")
        },
    }


def _open_work(work: Path, job: dict[str, Any]) -> Path:
    """The folder of unfinished work; what another job left there is thrown away."""
    text = json.dumps(job, indent=1)
    note = work / "job.json"
    if not (note.exists() and note.read_text("utf-8") == text):
        shutil.rmtree(work, ignore_errors=True)
        (work / "parts").mkdir(parents=True)
        with whole_file(note) as temporary:
            temporary.write_text(text, "utf-8")
    return work


def _summarise(log: TransactionLog, unit: str, snapshot: datetime, work: Path, chunk_size: int) -> Path:
    """The customer summary as a file whose row groups are the chunks."""
    path = work / "summary.parquet"
    if not path.exists():
        reader = stream_summary(log, snapshot, unit, rows=chunk_size)
        with whole_file(path) as temporary, pq.ParquetWriter(temporary, reader.schema) as writer:
            for table in _regroup(reader, chunk_size):
                writer.write_table(table, row_group_size=chunk_size)
    return path


def _regroup(reader: pa.RecordBatchReader, rows: int) -> Iterator[pa.Table]:
    """The same rows in tables of exactly `rows`, the last one excepted."""
    held: list[pa.RecordBatch] = []
    n = 0
    for batch in reader:
        while n + batch.num_rows >= rows:
            yield pa.Table.from_batches([*held, batch.slice(0, rows - n)])
            batch = batch.slice(rows - n)
            held, n = [], 0
        if batch.num_rows:
            held.append(batch)
            n += batch.num_rows
    if held:
        yield pa.Table.from_batches(held)


def _write_chunk(chunk: pa.Table, model: LifetimeValueModel, part: Path) -> None:
    summary = summary_frame(chunk)
    scored = pa.Table.from_pandas(
        summary.join(model.predict_table(summary, level=LEVEL)).reset_index(), preserve_index=False
    )
    with whole_file(part) as temporary:
        pq.write_table(scored.replace_schema_metadata(None), temporary)


def _assemble(
    log: TransactionLog,
    parts: list[Path],
    products: Path,
    *,
    leavers: Path | None,
    segmented: Path | None,
    work: Path,
) -> Path:
    new = work / "new"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    shutil.copy(products, new / NEXT_PRODUCTS)
    offers = pq.read_table(products).to_pandas()
    churn, segments = (
        None if path is None else pq.read_table(path).to_pandas() for path in (leavers, segmented)
    )

    def whole(part: Path) -> pa.Table:
        scored = with_segments(with_churn(pq.read_table(part), churn), segments)
        return with_next_product(scored, offers)

    schema = whole(parts[0]).schema
    with pq.ParquetWriter(new / SCORES, schema) as writer:
        for part in parts:
            writer.write_table(whole(part).cast(schema))
    log.write_set_aside(new / REJECTS)
    return new


def _write_manifest(
    new: Path,
    log: TransactionLog,
    model: LifetimeValueModel,
    fitted: dict[str, Any],
    job: dict,
    n_customers: int,
    run: dict,
) -> None:
    manifest = {
        **job,
        "model": {
            "class": type(model).__name__,
            "unit": model.unit,
            "horizon": model.horizon,
            "annual_discount_rate": model.annual_discount_rate,
            "margin": model.margin,
            "chosen": {"reason": model.choice_["reason"], "warnings": model.choice_["warnings"]},
            "purchases": {"class": type(model.purchases_).__name__, **model.purchases_.fit_report_},
            "spend": {"class": type(model.spend_).__name__, **model.spend_.fit_report_},
        },
        **fitted,
        "recommender": told_of(new / NEXT_PRODUCTS),
        "output": {
            SCORES: {"rows": n_customers, "sha256": sha256_of(new / SCORES)},
            NEXT_PRODUCTS: {
                "rows": pq.read_metadata(new / NEXT_PRODUCTS).num_rows,
                "sha256": sha256_of(new / NEXT_PRODUCTS),
            },
            REJECTS: {"rows": log.counts.source - log.counts.kept, "sha256": sha256_of(new / REJECTS)},
        },
        "run": run,  # the only part that differs between two runs of the same job
    }
    with whole_file(new / MANIFEST) as temporary:
        temporary.write_text(json.dumps(manifest, indent=1) + "\n", "utf-8")


class _Clock:
    """Seconds spent on each step."""

    def __init__(self) -> None:
        self._started_at = datetime.now(UTC).isoformat(timespec="seconds")
        self._last = time.perf_counter()
        self._seconds: dict[str, float] = {}

    def lap(self, step: str) -> None:
        now = time.perf_counter()
        self._seconds[step] = round(now - self._last, 3)
        self._last = now

    def report(self) -> dict[str, Any]:
        return {"started_at": self._started_at, "seconds": self._seconds}
