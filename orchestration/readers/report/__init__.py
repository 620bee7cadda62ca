"""The report: one HTML page per release that needs nothing but a browser."""

from orchestration.readers.report.page import render

__all__ = ["render"]
