"""Scoring: the same answer whatever the chunks, whole files, and what is left after SIGKILL."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from crm_analytics import batch, customer_summary, read_log
from crm_analytics.cli import main
from crm_analytics.core import MissingDataError, OutputError
from crm_analytics.core.files import sha256_of
from crm_analytics.datasets import make_purchases

FILES = ("scores.parquet", "rejects.parquet", "manifest.json")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A log with dirt, as a Parquet file: 3,000 customers and 40 lines without one."""
    table = make_purchases(3_000, random_state=3).table().to_pandas()
    dirt = table.head(40).assign(customer_id=None)
    path = tmp_path_factory.mktemp("source") / "log.parquet"
    pd.concat([table, dirt], ignore_index=True).to_parquet(path)
    return path


@pytest.fixture(scope="module")
def model(source):
    return batch.fit(read_log(source), unit="D", horizon=90, margin=0.3)


def hashes(folder):
    return {name: sha256_of(folder / name) for name in FILES[:2]}


def test_scores_are_what_the_model_says_of_the_summary(source, model, tmp_path):
    log = read_log(source)
    run = batch.score(log, model, tmp_path / "out")
    scores = batch.read_scores(tmp_path / "out")
    summary = customer_summary(log)
    pd.testing.assert_frame_equal(scores, summary.join(model.predict_table(summary, level=0.9)))
    assert (run.n_customers, run.n_rejected, run.n_chunks, run.n_resumed) == (3_000, 40, 1, 0)


def test_chunks_do_not_change_the_scores(source, model, tmp_path):
    log = read_log(source)
    for size in (250, 100_000):
        batch.score(log, model, tmp_path / str(size), chunk_size=size)
    small, large = (batch.read_scores(tmp_path / size) for size in ("250", "100000"))
    pd.testing.assert_frame_equal(small, large, rtol=1e-12)


def test_two_runs_give_the_same_bytes_and_tell_the_same_but_for_the_clock(source, model, tmp_path):
    for name in ("a", "b"):
        batch.score(read_log(source), model, tmp_path / name, chunk_size=700)
    assert hashes(tmp_path / "a") == hashes(tmp_path / "b")
    first, second = (json.loads((tmp_path / name / "manifest.json").read_text()) for name in ("a", "b"))
    first.pop("run"), second.pop("run")
    assert first == second


def test_manifest_counts_every_line_and_signs_the_files(source, model, tmp_path):
    run = batch.score(read_log(source), model, tmp_path / "out")
    told = json.loads(run.manifest.read_text())
    assert told["input"]["lines"] == told["input"]["kept"] + sum(told["input"]["set_aside"].values())
    assert told["input"]["set_aside"] == {"missing_customer": 40}
    assert {name: told["output"][name]["sha256"] for name in FILES[:2]} == hashes(tmp_path / "out")
    assert (
        pq.read_table(tmp_path / "out" / "rejects.parquet")["reason"].to_pylist() == ["missing_customer"] * 40
    )


def test_other_files_in_the_output_folder_are_kept(source, model, tmp_path):
    out = tmp_path / "out"
    batch.score(read_log(source), model, out)
    (out / "models").mkdir()
    (out / "models" / "note.txt").write_text("mine")
    batch.score(read_log(source), model, out)
    assert (out / "models" / "note.txt").read_text() == "mine"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out"]  # and nothing hidden stays behind


def test_unfinished_work_for_another_input_is_not_taken_over(source, model, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(RuntimeError, match="stop"):
        batch.score(read_log(source), model, out, chunk_size=500, progress=stop_after(3))
    other = tmp_path / "other.parquet"
    make_purchases(1_000, random_state=4).log().to_frame().to_parquet(other)
    run = batch.score(read_log(other), model, out, chunk_size=500)
    assert (run.n_customers, run.n_resumed) == (1_000, 0)


def test_a_stopped_run_is_resumed_without_its_finished_chunks_being_computed_again(
    source, model, tmp_path, monkeypatch
):
    out = tmp_path / "out"
    with pytest.raises(RuntimeError, match="stop"):
        batch.score(read_log(source), model, out, chunk_size=500, progress=stop_after(4))
    assert not out.exists()
    computed = []
    predict_table = type(model).predict_table
    monkeypatch.setattr(
        type(model),
        "predict_table",
        lambda self, X, **kw: computed.append(len(X)) or predict_table(self, X, **kw),
    )
    run = batch.score(read_log(source), model, out, chunk_size=500)
    assert run.n_resumed == 4
    assert computed == [500, 500]
    batch.score(read_log(source), model, tmp_path / "whole", chunk_size=500)
    assert hashes(out) == hashes(tmp_path / "whole")


def stop_after(n):
    def progress(chunks):
        for i in chunks:
            if i == n:
                raise RuntimeError("stop")
            yield i

    return progress


@pytest.mark.parametrize(("chunk_size", "message"), [(0, "chunk_size must be >= 1"), (-5, "Got -5")])
def test_bad_chunk_size_is_refused(source, model, tmp_path, chunk_size, message):
    with pytest.raises(ValueError, match=message):
        batch.score(read_log(source), model, tmp_path / "out", chunk_size=chunk_size)


def test_output_that_is_a_file_is_refused_and_left_alone(source, model, tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(OutputError, match="not a folder"):
        batch.score(read_log(source), model, tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"


def test_reading_scores_that_are_not_there_says_what_to_run(tmp_path):
    with pytest.raises(MissingDataError, match="crm-analytics score"):
        batch.read_scores(tmp_path)


# SIGKILL, which nothing can catch, at chosen points of the run and at random ones.

CHILD = """
import os, pathlib, signal, sys
from crm_analytics import batch, read_log
import crm_analytics.batch.scoring as score_module

source, models, output, point = sys.argv[1:]
die = lambda: os.kill(os.getpid(), signal.SIGKILL)
what, _, n = point.partition(":")
chunks = iter
if what == "chunk":
    def chunks(numbers):
        for i in numbers:
            if i == int(n):
                die()
            yield i
elif what == "assemble":
    score_module.sha256_of = lambda path: die()
elif what == "rename":
    calls, rename = [], pathlib.Path.rename
    def counted(self, target):
        calls.append(target)
        if len(calls) == int(n):
            die()
        return rename(self, target)
    pathlib.Path.rename = counted
elif what == "clean":
    remove = score_module.shutil.rmtree
    score_module.shutil.rmtree = lambda path, **kw: remove(path, **kw) if kw else die()
batch.score(read_log(source), batch.load_models(models), output, chunk_size=400, progress=chunks)
"""


@pytest.fixture(scope="module")
def saved(source, model, tmp_path_factory):
    """Models in a folder, and what an uninterrupted run with them writes."""
    folder = tmp_path_factory.mktemp("saved")
    batch.save_models(model, read_log(source), folder / "models")
    batch.score(read_log(source), model, folder / "whole", chunk_size=400)
    return folder


POINTS = ["chunk:0", "chunk:5", "assemble", "rename:1", "rename:2", "rename:3", "clean"]


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_a_chosen_point_leaves_old_or_none_and_the_rerun_completes(source, saved, tmp_path, point):
    out = tmp_path / "out"
    old = {name: f"old {name}" for name in FILES}
    out.mkdir()
    for name, text in old.items():
        (out / name).write_text(text)
    (out / "note.txt").write_text("mine")
    arguments = [sys.executable, "-c", CHILD, str(source), str(saved / "models"), str(out), point]
    killed = subprocess.run(arguments, capture_output=True, check=False, timeout=120)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert_old_or_new_or_none(out, old, saved)
    # Of a killed process nothing is left but files, so that this one may run again.
    batch.score(read_log(source), batch.load_models(saved / "models"), out, chunk_size=400)
    assert hashes(out) == hashes(saved / "whole")
    assert (out / "note.txt").read_text() == "mine"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


@pytest.fixture(scope="module")
def usual_seconds(source, saved, tmp_path_factory):
    """How long the command takes when nobody kills it."""
    began = time.perf_counter()
    subprocess.run(command(source, saved, tmp_path_factory.mktemp("warm") / "out"), check=True, timeout=120)
    return time.perf_counter() - began


def command(source, saved, out):
    shell = [sys.executable, "-c", "from crm_analytics.cli import main; main()"]
    return [*shell, *words(source, saved, out)]


def words(source, saved, out):
    models = ["--models", str(saved / "models")]
    return ["score", str(source), *models, "--output", str(out), "--chunk-size", "100"]


@pytest.mark.parametrize("share", [0.6, 0.85, 0.97])
def test_killed_at_any_time_the_rerun_of_the_command_completes(source, saved, tmp_path, share, usual_seconds):
    out = tmp_path / "out"
    process = subprocess.Popen(command(source, saved, out), stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    time.sleep(usual_seconds * share)
    process.kill()
    process.communicate()
    assert_old_or_new_or_none(out, {}, None)
    with pytest.raises(SystemExit) as done:
        main(words(source, saved, out))
    assert done.value.code == 0
    scores = batch.read_scores(out)
    whole = batch.read_scores(saved / "whole")
    pd.testing.assert_frame_equal(scores, whole, rtol=1e-12)
    assert np.isfinite(scores.to_numpy()).all()


def assert_old_or_new_or_none(out, old, saved):
    """Never a mixture: all three files old, all three new, or no folder at all."""
    found = {p.name for p in out.iterdir()} & set(FILES) if out.exists() else set()
    if not found:
        return
    assert found == set(FILES)
    if old and (out / "manifest.json").read_text() == old["manifest.json"]:
        assert all((out / name).read_text() == old[name] for name in FILES)
    else:
        told = json.loads((out / "manifest.json").read_text())
        assert {name: told["output"][name]["sha256"] for name in FILES[:2]} == hashes(out)
        if saved is not None:
            assert hashes(out) == hashes(saved / "whole")
