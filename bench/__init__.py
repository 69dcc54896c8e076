"""Measures the hot paths against a floor and, where there is one, a peer: ratios from one run, never bare numbers.

`python -m bench NAME` or `python -m bench all`.
"""
