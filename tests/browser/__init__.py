"""Tests of the page. A package, so that they share one browser."""
