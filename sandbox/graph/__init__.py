"""Stand-in for Microsoft's identity platform and the mail part of Microsoft Graph.

Mail is taken with Graph's limits and error shapes and kept under the data folder; nothing leaves the machine.
"""

from sandbox.graph.errors import HTTP_FAULTS
from sandbox.graph.server import GraphStandIn

__all__ = ["HTTP_FAULTS", "GraphStandIn"]
