"""The journey map: one HTML page per release that needs nothing but a browser."""

from orchestration.journey_map.page import render

__all__ = ["render"]
