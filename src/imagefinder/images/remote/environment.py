"""What the environment says of clouds. Keys for S3 come from where Amazon's own tools take them, in the same order:
the environment, then a profile, then the machine.

The environment and the machine (instance, container, web identity) are read by ``obstore``; profiles here. Nothing is
kept, and nothing is written.
"""

from __future__ import annotations

import configparser
import os
from pathlib import Path
from typing import Any

from imagefinder._util.files import expanded
from imagefinder.errors import InvalidInputError

_KEYS = {
    "aws_access_key_id": "access_key_id",
    "aws_secret_access_key": "secret_access_key",
    "aws_session_token": "token",
    "region": "region",
    "endpoint_url": "endpoint",
}
_LOGINS = ("role_arn", "sso_session", "sso_start_url", "credential_process")  # what only Amazon's own package can use


_CLOUDS = ("AWS_", "GOOGLE_", "AZURE_")


def of_clouds() -> tuple[tuple[str, str], ...]:
    """All that may change what a bucket is opened with."""
    return tuple(sorted((name, value) for name, value in os.environ.items() if name.startswith(_CLOUDS)))


def azure_emulated() -> bool:
    """Whether Azure's storage is an emulator's, which is reached without TLS."""
    return os.environ.get("AZURE_STORAGE_USE_EMULATOR", "").lower() in ("1", "true")


def for_s3() -> tuple[dict[str, Any], Any, bool]:
    """What to open a bucket with beside the environment: settings, a provider of keys or None, and whether the server
    is reached without TLS, because its address says so. Raises InvalidInputError."""
    profile = _profile()
    if os.environ.get("AWS_ACCESS_KEY_ID"):
        profile = {name: profile[name] for name in ("region", "endpoint_url") if name in profile}
    found = {ours: profile[theirs] for theirs, ours in _KEYS.items() if theirs in profile}
    if os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"):
        found.pop("region", None)
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if endpoint:
        found["endpoint"] = endpoint
    provider = None
    if "access_key_id" not in found and any(name in profile for name in _LOGINS):
        provider = _by_amazon()
    return found, provider, found.get("endpoint", "").lower().startswith("http://")


def _profile() -> dict[str, str]:
    """The settings of the profile in use; those of the credentials file go before."""
    name = os.environ.get("AWS_PROFILE") or "default"
    sections = (
        ("AWS_CONFIG_FILE", "~/.aws/config", name if name == "default" else f"profile {name}"),
        ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials", name),
    )
    found: dict[str, str] = {}
    there = False
    for variable, usual, section in sections:
        path = expanded(os.environ.get(variable) or usual)
        read = _section(Path(path), section)
        there |= read is not None
        found |= read or {}
    if not there and os.environ.get("AWS_PROFILE"):
        raise InvalidInputError(
            f"There is no AWS profile {name!r}.", remedy="AWS_PROFILE names it; profiles are in ~/.aws/config."
        )
    return found


def _section(path: Path, name: str) -> dict[str, str] | None:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(path.read_text("utf-8"))
    except OSError:
        return None
    except (configparser.Error, ValueError):  # what they say shows lines of the file, which may be keys
        raise InvalidInputError(f"{path} can't be read as a file of AWS profiles.") from None
    return dict(parser[name]) if parser.has_section(name) else None


def _by_amazon() -> Any:
    """Keys by Amazon's own package, which knows roles, single sign-on and programs that give keys."""
    try:
        import boto3
        from obstore.auth.boto3 import Boto3CredentialProvider
    except ImportError:
        raise InvalidInputError(
            "The AWS profile logs in by a role, single sign-on or a program, for which boto3 is needed.",
            remedy="pip install boto3, or give keys by AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
        ) from None
    return Boto3CredentialProvider(boto3.Session())
