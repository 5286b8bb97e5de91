"""Image references in compiled IR, sent to another registry and pinned by digest.

The text is changed in place: a line `image: NAME` is all that IR says of an image, and the rest stays as kfp wrote it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fairlead.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

IMAGE = re.compile(r"""^(?P<key>[ \t]*image:[ \t]+)(?P<quote>['"]?)(?P<name>[^\s'"]+)(?P=quote)[ \t]*$""", re.MULTILINE)
REGISTRY = re.compile(r"[a-zA-Z0-9.-]+(:[0-9]{1,5})?(/[a-z0-9._-]+)*")


def images_in(ir: str) -> list[str]:
    """The images that compiled IR names, each once."""
    return list(dict.fromkeys(match["name"] for match in IMAGE.finditer(ir)))


def relocate(ir: str, registry: str = "", digests: Mapping[str, str] | None = None) -> str:
    """Rewrites every image reference.

    Args:
        ir: compiled IR YAML.
        registry: the host, with port and path if it has them, that all images are taken from; "" leaves them.
        digests: by the new reference, the `sha256:...` to pin it to; one that is not there keeps its tag.

    Raises:
        ConfigError: the registry is none, such as a URL.
    """

    def rewritten(match: re.Match[str]) -> str:
        name = relocated(match["name"], registry)
        digest = (digests or {}).get(name)
        return f"{match['key']}{pinned(name, digest) if digest else name}"

    return IMAGE.sub(rewritten, ir)


def relocated(image: str, registry: str) -> str:
    """An image's name in another registry: its own host gives way, its path and tag stay.

    Raises:
        ConfigError: the registry is none, such as a URL.
    """
    if not registry:
        return image
    if not REGISTRY.fullmatch(registry.rstrip("/")):
        advice = "write HOST, HOST:PORT or HOST/PATH, without https:// and in small letters"
        raise ConfigError("a registry has another kind of name", where="--registry", got=registry, do=advice)
    host, slash, path = image.partition("/")
    is_host = slash and ("." in host or ":" in host or host == "localhost")
    return f"{registry.rstrip('/')}/{path if is_host else image}"


def pinned(image: str, digest: str) -> str:
    """`HOST/PATH@sha256:...`; the tag goes, since Docker reads either."""
    folder, slash, last = image.partition("@")[0].rpartition("/")
    return f"{folder}{slash}{last.partition(':')[0]}@{digest}"
