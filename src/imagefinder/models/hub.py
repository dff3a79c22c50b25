"""Models on the Hugging Face hub: listing the files of a repository, and fetching and checking single files.

Files are fetched by ``huggingface_hub`` into its cache (HF_HOME), so what another program has fetched is not fetched
again. HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE work as usual; the package reads them when it is first imported.
"""

from __future__ import annotations

import hashlib
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn

from imagefinder._util.ending import EndedError
from imagefinder.errors import ModelError, NotFoundError, StorageError
from imagefinder.models.spec import file_sha256
from imagefinder.types import OnProgress, Progress

PREFIX = "hub:"
_ADDRESS = re.compile(
    r"hub:(?P<repo>[\w.-]+/[\w.-]+)(?:@(?P<revision>[^\s:@]+))?(?::(?P<file>[^\s:@]+))?", re.ASCII | re.IGNORECASE
)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ANYWHERE = (  # addresses kept for documentation: nobody has them
    (socket.AF_INET, ("192.0.2.1", 443)),
    (socket.AF_INET6, ("2001:db8::1", 443)),
)
_HUB = "https://huggingface.co"
_ELSEWHERE = (
    "On a machine with a network run `imagefinder models pull NAME --to FOLDER`, bring the folder here, and use "
    "`onnx:FOLDER`."
)


@dataclass(frozen=True, slots=True)
class Address:
    """``hub:ORG/REPO[@REVISION][:FILE]``; a revision is a branch, a tag or a commit."""

    repo: str
    revision: str | None = None
    file: str | None = None

    @classmethod
    def parse(cls, text: str) -> Address:
        """Raises NotFoundError for what is no such name."""
        found = _ADDRESS.fullmatch(text)
        if found is None or ".." in text:
            raise NotFoundError(
                f"{text!r} names no model on the hub.", remedy="Write hub:ORG/REPO, hub:ORG/REPO@REVISION:FILE or so."
            )
        return cls(found["repo"], found["revision"], found["file"])

    def __str__(self) -> str:
        revision = f"@{self.revision}" if self.revision else ""
        return f"{PREFIX}{self.repo}{revision}{':' + self.file if self.file else ''}"

    @property
    def slug(self) -> str:
        """The name of the model: one word, the same for the same address."""
        stem = re.sub(r"^onnx/|\.onnx$", "", self.file or "").replace("/", "-")
        revision = "at-" + self.revision.replace("/", "-")[:12] if self.revision else ""
        word = ".".join(filter(None, (self.repo.replace("/", "."), revision, stem))).lower().strip("._-")
        if len(word) > 80:
            word = f"{word[:70]}.{hashlib.sha256(str(self).encode()).hexdigest()[:8]}"
        return word


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of a repository: its size in bytes, and its checksum on the hub, which is the SHA-256 of a large file and
    the git hash of a small one."""

    path: str
    size: int
    sha256: str | None = None
    git_sha1: str | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of a repository at one commit."""

    repo: str
    commit: str
    files: dict[str, RemoteFile]
    licence: str = ""

    def total(self, paths: list[str]) -> int:
        return sum(self.files[path].size for path in paths)


def within_reach() -> bool:
    """Whether the hub, or the mirror in its place, can probably be reached: HF_HUB_OFFLINE is not set, and the system
    has a route beyond the machine. Nothing is sent, and no name is looked up: "connecting" a socket for datagrams only
    asks the system for the route."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return False
    return constants.ENDPOINT != _HUB or any(_has_route(*place) for place in _ANYWHERE)


def _has_route(family: int, place: tuple[str, int]) -> bool:
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.connect(place)
    except OSError:
        return False
    return True


def look_up(address: Address) -> Listing:
    """The files of the repository at the revision, from the hub, or from the cache if the hub can't be reached. Raises
    NotFoundError and ModelError."""
    from huggingface_hub import HfApi, constants

    with _as_ours(address):
        try:
            info = HfApi().model_info(
                address.repo,
                revision=address.revision,
                files_metadata=True,
                timeout=constants.HF_HUB_ETAG_TIMEOUT,
            )
        except Exception as error:
            if _status(error) is None and (cached := _cached(address)) is not None:
                return cached
            raise
        files = [_remote(entry) for entry in info.siblings or ()]
        licence = next((t.removeprefix("license:") for t in info.tags or () if t.startswith("license:")), "")
        if not isinstance(info.sha, str) or not re.fullmatch(r"[0-9a-f]{7,64}", info.sha):
            raise ValueError("no commit is told")
    return Listing(address.repo, info.sha, {file.path: file for file in files}, licence)


def _remote(entry: Any) -> RemoteFile:
    path = PurePosixPath(entry.rfilename)
    if path.is_absolute() or ".." in path.parts or "\\" in entry.rfilename:
        raise ValueError(f"a file of it is called {entry.rfilename!r}")
    return RemoteFile(entry.rfilename, int(entry.size), entry.lfs.sha256 if entry.lfs else None, entry.blob_id)


def _cached(address: Address) -> Listing | None:
    """The listing in the cache; None if it was never asked for."""
    from huggingface_hub import snapshot_download

    try:
        folder = Path(snapshot_download(address.repo, revision=address.revision, local_files_only=True))
    except Exception:  # each release has its own; the caller tells why the hub was not asked
        return None
    files = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            name, blob = path.relative_to(folder).as_posix(), path.resolve().name
            known = blob if _SHA256.fullmatch(blob) else None  # the cache calls large files by their SHA-256
            files[name] = RemoteFile(name, path.stat().st_size, known)
    return Listing(address.repo, folder.name, files)


def fetch(
    listing: Listing, path: str, *, sha256: str | None = None, progress: OnProgress | None = None
) -> tuple[Path, str]:
    """A file of the listing in the cache, and its SHA-256.

    Its content is compared with the checksum of the hub, and with ``sha256`` if that is known. A wrong file is deleted
    and fetched once more. ``progress`` is called with the bytes so far. Raises NotFoundError, ModelError and
    StorageError.
    """
    wanted = listing.files[path]
    for again in (False, True):
        found = _download(listing, path, progress, force=again)
        digest = file_sha256(found)
        if digest == (wanted.sha256 or digest) and (wanted.sha256 or wanted.git_sha1 in (None, _git_sha1(found))):
            break
        found.resolve().unlink(missing_ok=True)
        found.unlink(missing_ok=True)
    else:
        raise ModelError(
            f"{path} of {listing.repo} arrived with another checksum than the hub gives, twice.",
            remedy="Try again later; if it stays so, look whether HF_ENDPOINT names the right place.",
        )
    if sha256 is not None and digest != sha256:
        raise ModelError(
            f"{path} of {listing.repo} is not the file this model was described with (SHA-256 {digest[:12]}, not "
            f"{sha256[:12]}).",
            remedy=f"Name it outright to take it as it is: hub:{listing.repo}",
        )
    return found, digest


def _download(listing: Listing, path: str, progress: OnProgress | None, *, force: bool) -> Path:
    from huggingface_hub import hf_hub_download

    with _as_ours(Address(listing.repo, listing.commit, path)):
        return Path(
            hf_hub_download(
                listing.repo,
                path,
                revision=listing.commit,
                force_download=force,
                tqdm_class=_bar(path, progress),
            )
        )


def _bar(file: str, progress: OnProgress | None) -> Any:
    """A progress bar for ``huggingface_hub`` that shows nothing and calls ``progress``."""
    from tqdm import tqdm

    class Bar(tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **options: Any) -> None:
            options.pop("name", None)
            self.seen, self.whole = int(options.get("initial") or 0), int(options.get("total") or 0)
            super().__init__(*args, **{**options, "disable": True})

        def update(self, n: float | None = 1) -> bool | None:
            self.seen += int(n or 0)
            if progress is not None:
                progress(Progress(file, self.seen, self.whole))
            return None

    return Bar


def _git_sha1(path: Path) -> str:
    data = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


@contextmanager
def _as_ours(address: Address) -> Iterator[None]:
    """Turn all errors of the hub into ImageFinder's, which say what to do."""
    try:
        yield
    except (ModelError, NotFoundError, StorageError, EndedError):
        raise
    except Exception as error:  # huggingface_hub raises its own, those of its HTTP client, and OSError
        _explain(address, error)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and its causes."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def _status(error: BaseException) -> int | None:
    """The code the hub answered with, if it answered."""
    for one in _chain(error):
        response = getattr(one, "response", None)
        if isinstance(getattr(response, "status_code", None), int):
            return int(response.status_code)  # type: ignore[union-attr]
    return None


def _explain(address: Address, error: Exception) -> NoReturn:
    status, kinds = _status(error), {type(one).__name__ for one in _chain(error)}
    where = f"hub:{address.repo}"
    if status in (401, 403):
        raise ModelError(
            f"The hub doesn't let you have {where} ({status}): it is gated, private, or not there.",
            remedy=f"Accept its terms on its page ({address.repo} on the hub), then set HF_TOKEN to a token of yours; "
            "or check the name.",
        ) from error
    if status == 404:
        missing = (
            f"no revision {address.revision!r} in {where}" if "RevisionNotFoundError" in kinds else f"no {address}"
        )
        raise NotFoundError(f"The hub has {missing}.", remedy="Check the name, the revision and the file.") from error
    if status is not None:
        raise ModelError(f"The hub answers {status} when asked for {address}.", remedy="Try again later.") from error
    if any(
        getattr(one, "errno", None) in (28, 122, 30, 13) for one in _chain(error)
    ):  # full, quota, read-only, forbidden
        raise StorageError(
            f"{address} can't be stored: {error}.", remedy="Set HF_HOME to a folder with room."
        ) from error
    if "OfflineModeIsEnabled" in kinds:
        raise ModelError(
            f"{address} is not on this machine, and HF_HUB_OFFLINE is set.", remedy=f"Unset it. {_ELSEWHERE}"
        ) from error
    if any("Timeout" in kind for kind in kinds):
        raise ModelError(
            f"The hub takes too long to answer for {address}.",
            remedy="Try again, or set HF_HUB_DOWNLOAD_TIMEOUT and HF_HUB_ETAG_TIMEOUT to more seconds.",
        ) from error
    if any("Connect" in kind or "Proxy" in kind for kind in kinds):
        raise ModelError(f"The hub can't be reached for {address}: {error}.", remedy=_ELSEWHERE) from error
    if any("Protocol" in kind or "Read" in kind for kind in kinds) or "Consistency check" in str(error):
        raise ModelError(f"The download of {address} broke off: {error}.", remedy="Try again.") from error
    raise ModelError(
        f"What answers for {address} is no hub, or not the one expected: {type(error).__name__}: {str(error)[:300]}.",
        remedy="Check HF_ENDPOINT and the network's log-in page.",
    ) from error
