"""Local servers and stand-ins for development and tests: the outside world on loopback.

Nothing here is imported by an app. The apps talk to these servers over real sockets, through the same clients
and settings as in production; only addresses and keys differ.
"""
