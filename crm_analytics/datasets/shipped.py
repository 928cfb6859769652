"""Files that other packages ship, read without importing those packages."""

import importlib.util
from pathlib import Path

from crm_analytics.core.errors import MissingDataError, MissingExtraError


def shipped_file(package: str, *parts: str, distribution: str | None = None) -> Path:
    """Return the path of a data file inside an installed package.

    The package is located, not imported: importing lifetimes sets pandas options for the
    whole process.

    Raises
    ------
    MissingExtraError
        If the package is not installed.
    MissingDataError
        If it is, without that file.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError(distribution or package, "samples", "This dataset")
    path = Path(next(iter(spec.submodule_search_locations))).joinpath(*parts)
    if not path.exists():
        raise MissingDataError(f"{path} is not there, although {package} is installed. Reinstall {package}.")
    return path
