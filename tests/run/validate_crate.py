"""Validate an RO-Crate without network: run by the interpreter of the validators' own environment, not by pytest.

The JSON-LD context that the crate names is put into the validator's cache from the package `rocrate`, which carries it.
"""

import io
import json
import socket
import sys
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

CONTEXT = "https://w3id.org/ro/crate/1.1/context"


def no_network(*_):
    raise OSError("no network in this test")


def fill_cache(path):
    """Store the context as if it had been fetched."""
    from requests.adapters import HTTPAdapter
    from requests_cache import CachedSession
    from urllib3 import HTTPResponse

    body = (files("rocrate") / "data" / "ro-crate.jsonld").read_bytes()

    class Carried(HTTPAdapter):
        def send(self, request, **_):
            head = {"Content-Type": "application/ld+json"}
            answer = HTTPResponse(
                body=io.BytesIO(body), status=200, headers=head, preload_content=False, request_url=request.url
            )
            return self.build_response(request, answer)

    session = CachedSession(str(path), backend="sqlite", expire_after=-1)
    session.mount("https://", Carried())
    session.get(CONTEXT)
    session.close()


def main(release):
    """Print what is wrong with the crate in a folder, as a JSON list."""
    from rocrate_validator import services
    from rocrate_validator.models import Severity, ValidationSettings

    socket.socket.connect = no_network
    with TemporaryDirectory() as folder:
        cache = Path(folder) / "cache"
        fill_cache(cache)
        settings = ValidationSettings(
            rocrate_uri=str(release),
            profile_identifier="process-run-crate-0.5",
            requirement_severity=Severity.REQUIRED,
            offline=True,
            cache_path=cache,
        )
        result = services.validate(settings)
    sys.stdout.write(json.dumps([f"{i.check.identifier}: {i.message}" for i in result.get_issues()]) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
