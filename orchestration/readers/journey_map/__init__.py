"""The journey map: one HTML page per release that needs nothing but a browser."""

from orchestration.readers.journey_map.page import render

__all__ = ["render"]
