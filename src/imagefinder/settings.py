"""What the environment says. A flag on the command line wins over it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from imagefinder._util.addresses import is_address
from imagefinder._util.files import expanded
from imagefinder.errors import InvalidInputError


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


INDEX = Setting("IMAGEFINDER_INDEX", "Folder of the index, or its address, instead of the user's data folder.")
DEBUG = Setting("IMAGEFINDER_DEBUG", "Set to 1 to see the traceback of an unexpected error.")
ALLOW_PRIVATE = Setting(
    "IMAGEFINDER_ALLOW_PRIVATE_ADDRESSES", "Set to 1 to let URLs reach your own machine and network."
)
KEY = Setting(
    "IMAGEFINDER_KEY",
    "Key that clients of `imagefinder serve` must send, instead of a random one; needed beyond your own machine.",
)
KEY_FILE = Setting("IMAGEFINDER_KEY_FILE", "File that holds the key, instead of IMAGEFINDER_KEY.")
RATE = Setting("IMAGEFINDER_RATE", "Costly requests a second that one address may make of `serve`; 0 for any.")
TRACES = Setting("IMAGEFINDER_TRACES", "Set to 1 to have `serve` send traces, as --traces does.")
PROVIDER = Setting(
    "IMAGEFINDER_PROVIDER",
    "What runs the models: auto (the best), cpu, cuda, tensorrt, rocm, migraphx, openvino, directml, coreml.",
)
UNSPLASH_KEY = Setting("UNSPLASH_ACCESS_KEY", "Access key for `imagefinder download --unsplash`.")
QDRANT_KEY = Setting("QDRANT_API_KEY", "Key of the server for an index at qdrant://HOST/NAME.")
STORE_KEY_FILE = Setting(
    "IMAGEFINDER_STORE_KEY_FILE",
    "File that holds the password of the database, or the key of the Qdrant server, of an index at an address.",
)
NO_COLOR = Setting("NO_COLOR", "Set to anything to switch colours off.")

SERVE = "IMAGEFINDER_SERVE"  # the options of `serve` are variables that begin so
SETTINGS = (
    INDEX,
    DEBUG,
    ALLOW_PRIVATE,
    KEY,
    KEY_FILE,
    RATE,
    TRACES,
    PROVIDER,
    UNSPLASH_KEY,
    QDRANT_KEY,
    STORE_KEY_FILE,
    NO_COLOR,
)


def data_folder() -> Path:
    """Where this user's data goes on this system."""
    from platformdirs import user_data_path

    return user_data_path("imagefinder", appauthor=False)


def default_index() -> Path | str:
    """The folder of the index, or its address."""
    if INDEX.value is None:
        return data_folder() / "index"
    return INDEX.value if is_address(INDEX.value) else expanded(INDEX.value)


def server_key() -> str | None:
    """The key that clients of the server must send. Raises InvalidInputError for a file that can't be read."""
    return KEY.value if KEY_FILE.value is None else _secret(KEY_FILE)


def store_key(variable: str) -> str | None:
    """The password or key for a store whose address has none: that of its ``variable``, if it has one, else that of the
    file. Raises InvalidInputError for a file that can't be read."""
    given = os.environ.get(variable) if variable else None
    return given or (None if STORE_KEY_FILE.value is None else _secret(STORE_KEY_FILE))


def _secret(setting: Setting) -> str:
    """What is in the file that a variable names. Raises InvalidInputError."""
    try:
        return expanded(setting.value or "").read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        raise InvalidInputError(f"{setting.name} names a file that can't be read: {error}.") from error


def server_rate() -> float | None:
    """Raises InvalidInputError for what is no number."""
    if RATE.value is None:
        return None
    try:
        rate = float(RATE.value)
    except ValueError:
        rate = -1.0
    if not 0 <= rate < 1e6:
        raise InvalidInputError(f"{RATE.name} must be a number, 0 or more, not {RATE.value!r}.")
    return rate
