"""Files and folders that appear whole or not at all, also when somebody pulls the plug."""

import hashlib

import pytest

from crm_analytics.core import OutputError
from crm_analytics.core import files as core_files
from crm_analytics.core.files import recover_folder, replace_folder, sha256_of, whole_file, whole_folder


class PulledPlug(BaseException):
    """Stands for the end of the process: nothing may catch it."""


def folder_of(path, **texts):
    path.mkdir(parents=True)
    for name, text in texts.items():
        (path / name).write_text(text)
    return path


def texts_of(path):
    return {entry.name: entry.read_text() for entry in path.iterdir()}


def test_a_hash_is_that_of_the_bytes(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"abc" * 1_000_000)
    assert sha256_of(path) == hashlib.sha256(b"abc" * 1_000_000).hexdigest()


def test_a_file_appears_whole_at_the_end_of_the_block(tmp_path):
    path = tmp_path / "deep" / "scores.txt"
    with whole_file(path) as temporary:
        temporary.write_text("half")
        assert not path.exists()
        assert temporary.parent == path.parent  # so that renaming it is one step
        temporary.write_text("all")
    assert texts_of(path.parent) == {"scores.txt": "all"}


def test_a_file_is_replaced_in_one_step_and_the_old_one_stays_until_then(tmp_path):
    path = tmp_path / "scores.txt"
    path.write_text("old")
    with whole_file(str(path)) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert texts_of(tmp_path) == {"scores.txt": "new"}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, PulledPlug])
def test_a_block_that_fails_leaves_nothing_behind(tmp_path, error):
    path = tmp_path / "scores.txt"
    path.write_text("old")

    def stop_half_way():
        with whole_file(path) as temporary:
            temporary.write_text("half")
            raise error("stop")

    with pytest.raises(error, match="stop"):
        stop_half_way()
    assert texts_of(tmp_path) == {"scores.txt": "old"}


def test_a_block_that_writes_nothing_is_an_error_and_leaves_nothing_behind(tmp_path):
    with pytest.raises(FileNotFoundError, match="scores"), whole_file(tmp_path / "scores.txt"):
        pass
    assert texts_of(tmp_path) == {}


def test_a_new_folder_takes_the_place_of_none(tmp_path):
    new = folder_of(tmp_path / "new", a="1")
    replace_folder(new, tmp_path / "deep" / "out")
    assert texts_of(tmp_path / "deep" / "out") == {"a": "1"}
    assert not new.exists()


def test_a_new_folder_replaces_the_old_and_keeps_what_is_not_ours(tmp_path):
    out = folder_of(tmp_path / "out", a="old", notes="theirs")
    folder_of(out / "sub", b="theirs")
    replace_folder(folder_of(tmp_path / "new", a="new", c="new"), out)
    assert (out / "sub" / "b").read_text() == "theirs"
    assert {n: (out / n).read_text() for n in ("a", "c", "notes")} == {
        "a": "new",
        "c": "new",
        "notes": "theirs",
    }
    assert [entry.name for entry in tmp_path.iterdir()] == ["out"]


def test_a_relative_folder_is_replaced_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder_of(tmp_path / "out", a="old")
    replace_folder(folder_of(tmp_path / "new", a="new"), core_files.Path("out"))
    assert texts_of(tmp_path / "out") == {"a": "new"}


@pytest.mark.parametrize("above", [0, 1], ids=["the working directory", "one that holds it"])
def test_the_working_directory_is_never_replaced(tmp_path, monkeypatch, above):
    here = folder_of(tmp_path / "home" / "project", keep="me")
    monkeypatch.chdir(here)
    folder = [here, here.parent][above]
    with pytest.raises(OutputError, match=r"holds the working directory\. Choose a folder of its own\."):
        replace_folder(folder_of(tmp_path / "new", a="new"), folder)
    assert texts_of(here) == {"keep": "me"}


def test_a_file_or_a_link_is_never_replaced_by_a_folder(tmp_path):
    (tmp_path / "file").write_text("theirs")
    (tmp_path / "link").symlink_to(folder_of(tmp_path / "real", a="theirs"))
    for name in ("file", "link"):
        with pytest.raises(OutputError, match=r"is not a folder\. Choose another place or remove it\."):
            replace_folder(folder_of(tmp_path / f"new {name}", a="new"), tmp_path / name)
    assert (tmp_path / "file").read_text() == "theirs"
    assert texts_of(tmp_path / "real") == {"a": "theirs"}


def pull_the_plug(monkeypatch, at_call):
    """Let the `at_call`-th renaming from now on be the last thing this process does."""
    rename, calls = core_files.Path.rename, []

    def last(self, target):
        calls.append(target)
        if len(calls) == at_call:
            raise PulledPlug
        return rename(self, target)

    monkeypatch.setattr(core_files.Path, "rename", last)


@pytest.mark.parametrize(("at_call", "kept"), [(1, "old"), (2, "old"), (3, "new")])
def test_a_replacement_that_was_killed_is_put_right(tmp_path, monkeypatch, at_call, kept):
    # Renamings: the old folder aside, the new one in, then what is not ours back.
    out = folder_of(tmp_path / "out", a="old", notes="theirs")
    new = folder_of(tmp_path / "new", a="new")
    with monkeypatch.context() as patch:
        pull_the_plug(patch, at_call)
        with pytest.raises(PulledPlug):
            replace_folder(new, out)
    assert (whole_folder(out) / "a").read_text() == kept  # what a reader sees meanwhile
    recover_folder(out)
    assert texts_of(out) == {"a": kept, "notes": "theirs"}
    assert not (tmp_path / ".out.old").exists()
    recover_folder(out)  # again, to no effect
    replace_folder(folder_of(tmp_path / "newer", a="newer"), out)
    assert texts_of(out) == {"a": "newer", "notes": "theirs"}


def test_there_is_nothing_to_recover_where_nothing_was(tmp_path):
    recover_folder(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
    assert whole_folder(tmp_path / "out") == tmp_path / "out"


def test_a_reader_changes_nothing(tmp_path):
    folder_of(tmp_path / ".out.old", a="old")
    assert texts_of(whole_folder(tmp_path / "out")) == {"a": "old"}
    assert [entry.name for entry in tmp_path.iterdir()] == [".out.old"]
