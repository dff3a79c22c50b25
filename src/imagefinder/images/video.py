"""Frames of videos, by FFmpeg (PyAV)."""

from __future__ import annotations


def is_video(data: bytes) -> bool:
    """Whether a file that begins with these bytes is a video."""
    return False
