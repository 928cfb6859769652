"""One line on stderr for whatever goes wrong, and an exit code a job can act on."""

import os
import sys
from collections.abc import Sequence

from crm_analytics.cli.exit_codes import DATA, OTHER, USAGE


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `crm-analytics`; exit 0, or 2 wrong usage, 3 data that breaks the contract, 1 anything else.

    `monitor --fail-on-alarm` exits with 4 where it raises an alarm.
    With CRM_ANALYTICS_TRACEBACK set, errors are raised instead, for whoever debugs.
    """
    from crm_analytics.cli.app import app
    from crm_analytics.core import CrmAnalyticsError

    try:
        result = app(args=arguments, standalone_mode=False)
    except KeyboardInterrupt:
        _fail("interrupted", 130)
    except Exception as error:
        if os.environ.get("CRM_ANALYTICS_TRACEBACK"):
            raise
        if hasattr(error, "format_message"):  # what typer says of wrong usage
            _fail(f"{error.format_message()} See crm-analytics --help.", USAGE)
        if isinstance(error, CrmAnalyticsError):
            _fail(str(error), _code(error))
        if isinstance(error, ValueError):  # a parameter out of its range
            _fail(str(error), USAGE)
        _fail(f"{type(error).__name__}: {error}. Set CRM_ANALYTICS_TRACEBACK=1 to see where.", OTHER)
    sys.exit(result if isinstance(result, int) else 0)


def _code(error: Exception) -> int:
    from crm_analytics.core import MissingDataError, SchemaError

    if isinstance(error, SchemaError):
        return DATA
    return USAGE if isinstance(error, MissingDataError) else OTHER


def _fail(message: str, code: int) -> None:
    sys.stderr.write(f"crm-analytics: {' '.join(message.split())}\n")
    sys.exit(code)
