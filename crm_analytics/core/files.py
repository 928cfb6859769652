"""Files and folders that appear whole or not at all."""

import contextlib
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from crm_analytics.core.errors import OutputError


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path; when the block ends well it becomes `path`, else it is removed.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with whole_file(folder / "a.txt") as temporary:
    ...     _ = temporary.write_text("all of it")
    >>> (folder / "a.txt").read_text()
    'all of it'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        yield temporary
        _sync(temporary)
        os.replace(temporary, path)
        _sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def replace_folder(new: Path, folder: Path) -> None:
    """Put the finished folder `new` in the place of `folder`, as one step.

    Whoever looks sees the old folder, none for an instant, or the new one; never a
    mixture. Other things that lay in the old folder are kept in the new one. A run that
    was killed in between is put right by `recover_folder`.
    """
    folder = folder.absolute()
    for file in new.rglob("*"):
        if file.is_file():
            _sync(file)
    if folder.exists():
        _refuse_unsafe(folder)
        old = _retired(folder)
        folder.rename(old)
        new.rename(folder)
        _sync(folder.parent)
        _carry_over(old, folder)
    else:
        folder.parent.mkdir(parents=True, exist_ok=True)
        new.rename(folder)
        _sync(folder.parent)


def recover_folder(folder: Path) -> None:
    """Finish or undo a `replace_folder` that was interrupted; nothing to do otherwise."""
    folder = folder.absolute()
    old = _retired(folder)
    if not old.exists():
        return
    if folder.exists():
        _carry_over(old, folder)
    else:
        old.rename(folder)


def whole_folder(folder: Path) -> Path:
    """Return where the files of `folder` lie now, which another process may be replacing.

    For readers, who must not put anything right while the writer is at work.
    """
    folder = folder.absolute()
    old = _retired(folder)
    return old if old.exists() and not folder.exists() else folder


def _retired(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.old")


def _carry_over(old: Path, folder: Path) -> None:
    """Move what only the old folder has into the new one, then forget the old."""
    for entry in old.iterdir():
        if not (folder / entry.name).exists():
            entry.rename(folder / entry.name)
    shutil.rmtree(old)


def _refuse_unsafe(folder: Path) -> None:
    if not folder.is_dir() or folder.is_symlink():
        raise OutputError(f"{folder} is not a folder. Choose another place or remove it.")
    here = Path.cwd()
    if folder.resolve() in (here, *here.parents):
        raise OutputError(f"{folder} holds the working directory. Choose a folder of its own.")


def _sync(path: Path) -> None:
    """Wait until what was written is on the disk (Windows cannot ask this of a folder)."""
    if os.name == "nt" and path.is_dir():
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
