"""One HTML page that tells how good a network is, and where it is wrong.

The page needs nothing but itself: style, script, figures and sentences are inside it, and its own
content security policy forbids it to load anything.
"""

from __future__ import annotations

from lexon.report.page import render, render_evaluation, write

__all__ = ["render", "render_evaluation", "write"]
