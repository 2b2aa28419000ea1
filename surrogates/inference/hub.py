"""Bundles on the Hugging Face Hub: `hf://OWNER/NAME[@REVISION]`, loaded and pushed."""

import errno
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from datasets.store.urls import HUB
from surrogates.core.errors import ConfigError
from surrogates.core.optional import require
from surrogates.core.plain import MAX_BYTES as MAX_MANIFEST
from surrogates.core.progress import Progress
from surrogates.inference.card import card
from surrogates.inference.errors import BundleError
from surrogates.inference.hub_card import metadata
from surrogates.inference.manifest import CARD, MANIFEST, read_manifest, sha256, write_manifest

_URL = re.compile(rf"{HUB}([\w.-]+/[\w.-]+)(?:@([\w./-]+))?/?")
MAIN = "main"
README = "README.md"
"""The file that the hub shows as the card of a repository."""
LOGIN = "log in by `hf auth login`, or set HF_TOKEN"


def parsed(url: str) -> tuple[str, str | None]:
    """Return the repository and the revision that a URL names.

    Raises
    ------
    ConfigError
        When it is of another form.
    """
    found = _URL.fullmatch(url)
    if found is None:
        raise ConfigError(f"found {url}, expected {HUB}OWNER/NAME or {HUB}OWNER/NAME@REVISION")
    return found[1], found[2]


@dataclass(frozen=True)
class Repository:
    """A bundle in a repository of the hub, at one commit.

    Attributes
    ----------
    name
        `OWNER/NAME`.
    commit
        Hash of the commit.
    """

    name: str
    commit: str

    @classmethod
    def of(cls, url: str) -> Self:
        """Return the repository that a URL names, at the commit that its revision means now.

        Without a connection the revision means what it meant when it was last fetched.

        Raises
        ------
        BundleError
            When there is none, it may not be read, or the hub does not answer and nothing of it is cached.
        """
        name, revision = parsed(url)
        about = _small(name, MANIFEST, revision or MAIN, MAX_MANIFEST)
        if about.commit_hash != revision:
            _asked(name, MANIFEST, revision or MAIN)  # by which the cache notes the commit of the revision
        return cls(name, about.commit_hash)

    @property
    def origin(self) -> str:
        """URL with the commit."""
        return f"{HUB}{self.name}@{self.commit}"

    def sizes(self, names: Iterable[str]) -> dict[str, int]:
        """Return the bytes of the files that are not cached."""
        found = {name: _asked(self.name, name, self.commit, dry_run=True) for name in names}
        return {name: about.file_size or 0 for name, about in found.items() if about.will_download}

    def get(self, name: str, path: Path, most: int, shown: Progress | None) -> None:
        """Copy a file, from the cache if it is there; the cache itself holds links."""
        about = _small(self.name, name, self.commit, most)
        shutil.copyfile(_asked(self.name, name, self.commit), path)
        if shown is not None and about.will_download:
            shown.advance(about.file_size or 0)


def _small(repository: str, name: str, revision: str, most: int) -> Any:
    """Return what is known of a file; refuse one that is too large."""
    about = _asked(repository, name, revision, dry_run=True)
    if (about.file_size or 0) > most:
        raise BundleError(f"{name} has {about.file_size} bytes; at most {most} are read.")
    return about


def _asked(repository: str, name: str, revision: str, *, dry_run: bool = False) -> Any:
    """Return the path of a file in the hub's cache, or only what is known of the file."""
    hub = require("huggingface_hub", f"Loading {HUB}{repository}")
    with _explained(f"{HUB}{repository}", name, revision):
        try:
            return hub.hf_hub_download(repository, name, revision=revision, dry_run=dry_run)
        except OSError as error:
            if error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM):
                raise
            raise BundleError(
                f"{HUB}{repository}@{revision}: {name} is not cached, and the hub's library may not write to "
                f"its cache ({error.strerror}: {error.filename}); name another folder by HF_HUB_CACHE"
            ) from error


@contextmanager
def _explained(url: str, name: str, revision: str) -> Iterator[None]:
    """Turn the errors of the hub's library into one line each."""
    errors = require("huggingface_hub.errors")
    try:
        yield
    except errors.GatedRepoError:
        raise BundleError(f"{url} asks for an agreement; accept it on its page, and {LOGIN}") from None
    except errors.RepositoryNotFoundError:
        raise BundleError(
            f"{url} does not exist, or is private; check the name, and for a private one {LOGIN}"
        ) from None
    except errors.RevisionNotFoundError:
        raise BundleError(f"{url} has no revision '{revision}'; give a branch, a tag or a commit") from None
    except errors.LocalEntryNotFoundError as error:
        offline = isinstance(error.__cause__, errors.OfflineModeIsEnabled)
        why = "HF_HUB_OFFLINE forbids to ask the hub" if offline else f"the hub does not answer{_of(error)}"
        raise BundleError(
            f"{url}@{revision}: {why}, and {name} is not cached; load it once with a connection"
        ) from error
    except errors.EntryNotFoundError:
        raise BundleError(
            f"{url}@{revision} has no {name}, so it is no whole bundle; `surrogates push RUN {url}` makes one"
        ) from None
    except errors.HfHubHTTPError as error:
        raise BundleError(f"{url}: the hub refuses{_of(error)}; {LOGIN}, or try again later") from error
    except (errors.HTTPError, errors.OfflineModeIsEnabled) as error:
        raise BundleError(f"{url}: the hub does not answer{_of(error)}; try again later") from error
    except errors.LocalTokenNotFoundError:
        raise BundleError(f"{url} is pushed by whoever may write to it; {LOGIN}") from None


def _of(error: BaseException) -> str:
    """Return what an error, or its cause, says, in brackets."""
    cause = error.__cause__ or error
    said = " ".join(str(cause).split())[:300]
    return f" ({type(cause).__name__}: {said})" if said else ""


def push(folder: Path, url: str, *, beside: Mapping[str, str], private: bool = False) -> str:
    """Push a bundle to a repository of the hub, and return its URL with the commit.

    The repository, which is made if it does not exist, gets the files of the bundle and, as `README.md`, the
    card with metadata for the hub.

    Parameters
    ----------
    folder
        The bundle.
    url
        `hf://OWNER/NAME`.
    beside
        Texts of further files of the bundle, by name; none for an ensemble.
    private
        Whether a new repository is private; one that exists has to be.

    Raises
    ------
    BundleError
        When the folder is no sound bundle, the repository is public and should be private, or the hub
        refuses.
    """
    name, revision = parsed(url)
    if revision is not None:
        raise ConfigError(f"{url} names the revision '{revision}', but a push makes a new one; leave it out")
    hub = require("huggingface_hub", f"Pushing to {url}")
    manifest = read_manifest(folder)
    with TemporaryDirectory() as made:
        staging = Path(made)
        for each, text in beside.items():
            (staging / each).write_text(text, encoding="utf-8")
        hashes = {each: sha256(staging / each) for each in beside}
        manifest = manifest.model_copy(update={"files": {**manifest.files, **hashes}})
        write_manifest(manifest, staging / MANIFEST)
        text = card(manifest, url)
        files = {each: folder / each for each in _names(folder)}
        files |= {each: staging / each for each in (MANIFEST, *beside)}
        given: dict[str, Path | bytes] = {**files, CARD: text.encode()}
        given[README] = f"---\n{metadata(manifest)}\n---\n\n{text}".encode()
        with _explained(url, README, MAIN):
            api = hub.HfApi(library_name="sciml-surrogates")
            api.create_repo(name, private=private, exist_ok=True)
            if private and not api.model_info(name).private:
                raise BundleError(
                    f"{url} exists and is public, so nothing was pushed; make it private on its page, give "
                    "another name, or leave --private out"
                )
            added = [
                hub.CommitOperationAdd(path_in_repo=k, path_or_fileobj=each) for k, each in given.items()
            ]
            commit = api.create_commit(name, added, commit_message=f"Push the bundle {manifest.name}")
    return f"{HUB}{name}@{commit.oid}"


def _names(folder: Path) -> list[str]:
    """Return the files of a bundle and of its members, but not its own manifest and card."""
    manifest = read_manifest(folder)
    inner = {member: read_manifest(folder / member) for member in manifest.members}
    of_members = [f"{member}/{name}" for member, each in inner.items() for name in (MANIFEST, *each.files)]
    return [*manifest.files, *of_members]
