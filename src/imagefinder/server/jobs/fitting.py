"""Whether a server can still use its index, after servers of a newer version have come."""

from __future__ import annotations

import time
from collections.abc import Callable

from imagefinder.errors import IndexVersionError

CHECK_S = 5.0  # between two looks


class Fitting:
    """``why_not`` says why it can't; empty while it can. ``check`` raises IndexVersionError then."""

    def __init__(self, check: Callable[[], object]) -> None:
        self._check = check
        self._at = time.monotonic()
        self.why_not = ""

    def look(self) -> None:
        """Look again, now and then. Raises IndexVersionError: this server takes no job, and its balancer is told to
        leave it alone, until that is otherwise."""
        if time.monotonic() - self._at < CHECK_S and not self.why_not:
            return
        try:
            self._check()
        except IndexVersionError as error:
            self.why_not = error.message
            raise
        self._at, self.why_not = time.monotonic(), ""
