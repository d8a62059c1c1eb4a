"""Modules of the conformance suite (test/Conformance/conformance.py)."""
