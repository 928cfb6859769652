"""Write the case study's files anew, or with --check tell whether the stored ones are what the seed gives.

python datasets/case_study/make.py
"""

import sys
import tempfile
from pathlib import Path

from crm_analytics.datasets.city.case_study import FOLDER, TABLES, make_case_study, write


def main() -> None:
    """Write, or compare byte by byte."""
    if "--check" not in sys.argv[1:]:
        write(make_case_study())
        return
    with tempfile.TemporaryDirectory() as made:
        write(make_case_study(), Path(made))
        names = [f"{name}.parquet" for name in TABLES]
        other = [n for n in names if (FOLDER / n).read_bytes() != (Path(made) / n).read_bytes()]
    if other:
        raise SystemExit(
            f"{len(other)} of {len(names)} files differ from what the seed gives: {', '.join(other)}."
        )


if __name__ == "__main__":
    main()
