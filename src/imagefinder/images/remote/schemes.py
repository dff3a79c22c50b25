"""The one list of places on other machines, by how their addresses begin."""

from __future__ import annotations

from typing import NamedTuple

from imagefinder.errors import InvalidInputError


class Scheme(NamedTuple):
    """What lies at addresses of this kind, the extra that reaches it, and the function of ``images.remote`` that opens
    a bucket of it."""

    what: str
    extra: str
    opens: str


SCHEMES = {
    "s3": Scheme("Amazon S3, and servers that speak its language", "buckets", "objects:open_s3"),
    "gs": Scheme("Google Cloud Storage", "buckets", "objects:open_gs"),
    "az": Scheme("Azure Blob Storage", "buckets", "objects:open_az"),
    "hf": Scheme("data sets of the Hugging Face Hub", "", "hub:open_hub"),
}
_BUCKETS = tuple(f"{name}://" for name in SCHEMES)


def is_url(text: str) -> bool:
    return text.lower().startswith(("http://", "https://"))


def is_bucket(text: str) -> bool:
    """Whether this is an address in a bucket or a data set."""
    return text.startswith(_BUCKETS)


def is_remote(text: str) -> bool:
    """Whether this is a place on another machine, rather than a path."""
    return is_url(text) or is_bucket(text)


class Address(NamedTuple):
    """A place in a bucket: ``key`` is the name of an object, or what names begin with. Of a data set, ``bucket`` is
    ``datasets/ORG/NAME``, with ``@`` and a revision or without."""

    scheme: str
    bucket: str
    key: str

    @property
    def root(self) -> str:
        """The address of the bucket, to which keys are added."""
        return f"{self.scheme}://{self.bucket}/"


def address_of(uri: str) -> Address:
    """The parts of an address. Raises InvalidInputError, without showing what may be a secret."""
    scheme, _, rest = uri.partition("://")
    depth = 3 if scheme == "hf" else 1
    parts = rest.split("/", depth)
    bucket, key = "/".join(parts[:depth]), parts[depth] if len(parts) > depth else ""
    if scheme == "hf":
        right = len(parts) >= depth and parts[0] == "datasets" and all(parts[:depth])
        if not right:
            raise InvalidInputError(
                f"{uri[:200]!r} names no data set.",
                remedy="Write hf://datasets/ORG/NAME, and a folder in it if wanted.",
            )
    elif "@" in bucket or ":" in bucket or "?" in bucket:
        raise InvalidInputError(
            f"An address that begins with {scheme}:// names a bucket, and no key, port or option.",
            remedy="Leave keys to the environment or a profile, and name another server by AWS_ENDPOINT_URL.",
        )
    elif not bucket:
        raise InvalidInputError(f"{uri[:200]!r} names no bucket.", remedy=f"Write {scheme}://BUCKET/FOLDER.")
    if any(part in ("", ".", "..") for part in key.rstrip("/").split("/")) and key.strip("/"):
        raise InvalidInputError(
            f"{uri[:200]!r} has an empty part, or one of points alone.", remedy="Write the name of the folder as it is."
        )
    return Address(scheme, bucket, key)


def tidy(uri: str) -> str:
    """An address as sources are known by: without slashes at its end. Raises InvalidInputError."""
    found = address_of(uri)
    return (found.root + found.key).rstrip("/")
