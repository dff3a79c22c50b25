"""What the environment says. A flag on the command line wins over it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable, and what it is for; the docs list is made from these."""

    name: str
    help: str

    @property
    def value(self) -> str | None:
        return os.environ.get(self.name) or None

    @property
    def on(self) -> bool:
        return (self.value or "").lower() in ("1", "true", "yes", "on")


INDEX = Setting("IMAGEFINDER_INDEX", "Folder of the index, instead of the user's data folder.")
DEBUG = Setting("IMAGEFINDER_DEBUG", "Set to 1 to see the traceback of an unexpected error.")
ALLOW_PRIVATE = Setting(
    "IMAGEFINDER_ALLOW_PRIVATE_ADDRESSES", "Set to 1 to let URLs reach your own machine and network."
)
UNSPLASH_KEY = Setting("UNSPLASH_ACCESS_KEY", "Access key for `imagefinder download --unsplash`.")
NO_COLOR = Setting("NO_COLOR", "Set to anything to switch colours off.")

SETTINGS = (INDEX, DEBUG, ALLOW_PRIVATE, UNSPLASH_KEY, NO_COLOR)


def data_folder() -> Path:
    """Where this user's data goes on this system."""
    from platformdirs import user_data_path

    return user_data_path("imagefinder", appauthor=False)


def default_index() -> Path:
    return Path(INDEX.value).expanduser() if INDEX.value else data_folder() / "index"
