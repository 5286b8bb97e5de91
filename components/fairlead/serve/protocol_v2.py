"""The Open Inference protocol (KServe V2) over REST, with the binary tensor extension.

Each feature is an input tensor of shape [rows] or [rows, 1]: numbers in any numeric datatype, categories as BYTES.
Null and NaN are missing numbers, null and "" missing categories. The model's version is its bundle's fingerprint.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, Field, StrictBool, StrictInt

from fairlead.artifacts.golden import DATATYPE_OF_KIND
from fairlead.errors import DataError
from fairlead.serve.json_body import dump, parse
from fairlead.serve.tensors import NUMBERS, TEXT, column_of_bytes, column_of_json, to_bytes

if TYPE_CHECKING:
    import numpy as np

    from fairlead.artifacts.bundle import Signature
    from fairlead.serve.served_model import ServedModel

Size = Annotated[StrictInt, Field(ge=0)]
Datatype = Literal[
    "BOOL", "INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64", "FP16", "FP32", "FP64", "BYTES"
]  # fmt: skip


class InputParameters(BaseModel):
    """Of an input; others are ignored."""

    binary_data_size: Size | None = None


class InputTensor(BaseModel):
    """One column: its values are in `data`, or follow the JSON as bytes."""

    name: str
    datatype: Datatype
    shape: list[Size]
    data: list[Any] | None = None
    parameters: InputParameters = InputParameters()


class OutputParameters(BaseModel):
    """Of an output; others are ignored."""

    binary_data: StrictBool | None = None


class RequestedOutput(BaseModel):
    """One answer that the client wants."""

    name: str
    parameters: OutputParameters = OutputParameters()


class RequestParameters(BaseModel):
    """Of the request; others are ignored."""

    binary_data_output: StrictBool = False


class InferRequest(BaseModel):
    """The JSON part of `/infer`."""

    id: str = ""
    inputs: list[InputTensor]
    outputs: list[RequestedOutput] = []
    parameters: RequestParameters = RequestParameters()


def metadata(model: ServedModel) -> dict[str, Any]:
    """The model's inputs and outputs, as `/v2/models/NAME` tells them."""
    signature = model.signature
    inputs = [
        {"name": feature.name, "datatype": DATATYPE_OF_KIND[feature.kind], "shape": [-1, 1]}
        for feature in signature.features
    ]
    outputs = [
        {"name": name, "datatype": datatype, "shape": shape} for name, (datatype, shape) in _outputs(signature).items()
    ]
    return {
        "name": model.name,
        "versions": [model.fingerprint],
        "platform": "onnxruntime_onnx",
        "inputs": inputs,
        "outputs": outputs,
    }


def _outputs(signature: Signature) -> dict[str, tuple[str, list[int]]]:
    if signature.task == "regression":
        return {"prediction": ("FP64", [-1])}
    return {"prediction": (TEXT, [-1]), "probabilities": ("FP64", [-1, len(signature.classes)])}


def infer(model: ServedModel, body: bytes, json_size: int | None) -> tuple[bytes, int | None]:
    """Answers a request's body.

    Args:
        model: the one that is asked.
        body: JSON, then the bytes of the inputs that are not in it.
        json_size: of the JSON in bytes; None when there is nothing else.

    Returns:
        The response's body, and the size of its JSON when bytes follow it.

    Raises:
        DataError: what is asked breaks the protocol or the signature.
    """
    if json_size is not None and not 0 <= json_size <= len(body):
        raise DataError("Inference-Header-Content-Length is wrong", got=json_size, do="send the size of the JSON part")
    split = len(body) if json_size is None else json_size
    request = parse(InferRequest, body[:split])
    wanted = _wanted(request, model.signature)
    return _response(model, request, wanted, model.predict(_columns(request, body[split:], model.signature)))


def _wanted(request: InferRequest, signature: Signature) -> dict[str, bool]:
    """The outputs that are asked for, and whether as bytes."""
    known, default = _outputs(signature), request.parameters.binary_data_output
    if not request.outputs:
        return dict.fromkeys(known, default)
    for output in request.outputs:
        if output.name not in known:
            raise DataError(f"there is no output {output.name!r}", do=f"ask for {' or '.join(known)}")
    asked = {output.name: output.parameters.binary_data for output in request.outputs}
    return {name: default if binary is None else binary for name, binary in asked.items()}


def _columns(request: InferRequest, binary: bytes, signature: Signature) -> dict[str, Any]:
    kinds = {feature.name: feature.kind for feature in signature.features}
    columns: dict[str, Any] = {}
    for tensor in request.inputs:
        size = tensor.parameters.binary_data_size or 0
        chunk, binary = binary[:size], binary[size:]
        if len(chunk) < size:
            raise DataError(
                f"input {tensor.name!r} is cut off", got=f"{len(chunk)} of {size} bytes", do="send all bytes"
            )
        if tensor.name in columns:
            raise DataError(f"input {tensor.name!r} is there twice", do="send it once")
        columns[tensor.name] = _column(tensor, chunk, kinds.get(tensor.name))
    if binary:
        raise DataError("bytes are left over", got=f"{len(binary)} bytes", do="name the size of every input")
    return columns


def _column(tensor: InputTensor, chunk: bytes, kind: str | None) -> Any:
    takes = {"number": NUMBERS, "category": (TEXT,), None: (*NUMBERS, TEXT)}[kind]
    if tensor.datatype not in takes:
        wrong = f"input {tensor.name!r} is a {kind}"
        raise DataError(wrong, got=f"datatype {tensor.datatype}", do=f"send {' or '.join(takes)}")
    if len(tensor.shape) not in (1, 2) or tensor.shape[1:] not in ([], [1]):
        raise DataError(f"input {tensor.name!r} has another shape", got=tensor.shape, do="send [rows] or [rows, 1]")
    if (tensor.data is None) == (tensor.parameters.binary_data_size is None):
        raise DataError(f"input {tensor.name!r} needs either data or binary_data_size", do="send one of them")
    if tensor.data is None:
        column = column_of_bytes(tensor.name, tensor.datatype, chunk)
    else:
        column = column_of_json(tensor.name, tensor.datatype, tensor.data)
    if len(column) != math.prod(tensor.shape):
        got = f"{len(column)} values for shape {tensor.shape}"
        raise DataError(
            f"input {tensor.name!r} has another number of values", got=got, do="send as many as its shape says"
        )
    return column


def _response(
    model: ServedModel, request: InferRequest, wanted: dict[str, bool], answers: dict[str, np.ndarray]
) -> tuple[bytes, int | None]:
    outputs, chunks = [], []
    for name, binary in wanted.items():
        datatype, _ = _outputs(model.signature)[name]
        output: dict[str, Any] = {"name": name, "datatype": datatype, "shape": list(answers[name].shape)}
        if binary:
            chunks.append(to_bytes(answers[name]))
            output["parameters"] = {"binary_data_size": len(chunks[-1])}
        else:
            output["data"] = answers[name].ravel().tolist()
        outputs.append(output)
    echo = {"id": request.id} if request.id else {}
    head = dump({"model_name": model.name, "model_version": model.fingerprint, **echo, "outputs": outputs})
    return b"".join([head, *chunks]), len(head) if chunks else None
