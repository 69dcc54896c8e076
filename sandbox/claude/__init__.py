"""Stand-in for the Anthropic Messages API: `POST /v1/messages`, streamed or whole, and `/v1/messages/count_tokens`.

It is no language model. It picks sentences from the passages it is sent (see `passages`), cites them the way the API
does, and says so when none fits, so that everything around the model can be tried without one.
"""

from sandbox.claude.errors import HTTP_FAULTS
from sandbox.claude.server import ClaudeStandIn

__all__ = ["HTTP_FAULTS", "ClaudeStandIn"]
