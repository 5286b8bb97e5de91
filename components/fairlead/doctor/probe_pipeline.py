"""The pipeline that reads a probe: an importer, and a step that gets it from KFP's launcher and asks for it itself.

This file names kfp's types where kfp reads them; import it after `load_compiler`.
"""

from kfp import dsl

from fairlead.images import TABULAR

MARK = "fairlead-doctor "
#: What the step says: what is wrong with the launcher's file, with its own reading of the object, and with MLflow.
CODE = f"""
import json, sys, urllib.request
from pathlib import Path
from fairlead.errors import FairleadError
from fairlead.object_store import read
path, uri, text, address = sys.argv[1:]
said = {{"launcher": "" if Path(path).read_text("utf-8") == text else "another content", "step": "", "mlflow": ""}}
try:
    said["step"] = "" if read(uri).decode() == text else "another content"
except FairleadError as error:
    said["step"] = f"{{error.what}}: {{error.got}}"
try:
    if address:
        urllib.request.urlopen(address.rstrip("/") + "/health", timeout=10).close()
except (OSError, ValueError) as error:
    said["mlflow"] = str(error)
print({MARK!r} + json.dumps(said), flush=True)
"""


@dsl.container_component  # type: ignore[untyped-decorator]
def ingest_table(probe: dsl.Input[dsl.Artifact], s3: str, text: str, address: str) -> dsl.ContainerSpec:
    """Named as the component whose settings it is given."""
    return dsl.ContainerSpec(TABULAR, ["python", "-c", CODE], [probe.path, s3, text, address])


@dsl.pipeline(name="fairlead-doctor")  # type: ignore[untyped-decorator]
def fairlead_doctor(uri: str, s3: str, text: str, address: str) -> None:
    """Reads the object at `uri`, which is `s3` to the step, holds `text`; and asks MLflow at `address`."""
    found = dsl.importer(artifact_uri=uri, artifact_class=dsl.Artifact, reimport=True)
    step = ingest_table(probe=found.output, s3=s3, text=text, address=address)
    step.set_caching_options(False)
