"""The clock of this process, set by hand."""

from datetime import datetime
from typing import Any

import time_machine


def at(moment: datetime) -> Any:
    """While the block runs it is that moment, and stays so."""
    return time_machine.travel(moment, tick=False)
