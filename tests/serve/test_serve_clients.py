"""The public clients of KServe and Triton get the golden answers, to the last bit."""

from __future__ import annotations

import asyncio
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from predictor import NAME

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # kserve's and gevent's own
    from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
    from kserve.protocol.infer_type import RequestedOutput
    from tritonclient import http as triton
    from tritonclient.utils import InferenceServerException
    from tritonclient.utils import np_to_triton_dtype as triton_type

if TYPE_CHECKING:
    from collections.abc import Iterator

    from predictor import Predictor

DATATYPES = {"number": ("FP64", np.float64), "category": ("BYTES", np.object_)}


def columns(predictor: Predictor) -> dict[str, np.ndarray]:
    """The golden inputs as arrays: NaN and "" are missing."""
    inputs, arrays = predictor.bundle.golden["inputs"], {}
    for feature in predictor.bundle.signature.features:
        missing, (_, dtype) = ("" if feature.kind == "category" else np.nan), DATATYPES[feature.kind]
        values = [missing if value is None else value for value in inputs[feature.name]]
        arrays[feature.name] = np.asarray(values, dtype).reshape(-1, 1)
    return arrays


def rows(predictor: Predictor) -> list[dict[str, Any]]:
    """The golden inputs by row, in the signature's order."""
    inputs, names = predictor.bundle.golden["inputs"], [feature.name for feature in predictor.bundle.signature.features]
    return [dict(zip(names, row, strict=True)) for row in zip(*(inputs[name] for name in names), strict=True)]


def assert_golden(predictor: Predictor, name: str, answer: Any) -> None:
    golden = predictor.bundle.golden["outputs"][name]
    if name == "prediction" and predictor.bundle.signature.task == "classification":
        assert [text.decode() if isinstance(text, bytes) else text for text in answer] == golden
    else:
        expected = np.asarray([[np.nan if v is None else v for v in np.atleast_1d(row)] for row in golden], np.float64)
        np.testing.assert_array_equal(np.asarray(answer, np.float64).reshape(expected.shape), expected, strict=True)


@pytest.fixture
def client(predictor: Predictor) -> Iterator[triton.InferenceServerClient]:
    with triton.InferenceServerClient(predictor.address) as client:
        yield client


def tensors(predictor: Predictor, *, binary: bool, shape: str = "column") -> list[triton.InferInput]:
    made = []
    for feature in predictor.bundle.signature.features:
        values = columns(predictor)[feature.name]
        values = values if shape == "column" or not binary else values.reshape(-1)
        tensor = triton.InferInput(feature.name, values.shape, DATATYPES[feature.kind][0])
        made.append(tensor.set_data_from_numpy(values, binary_data=binary))
    return made


@pytest.mark.parametrize("shape", ["column", "flat"])
def test_triton_binary_is_its_default(predictor: Predictor, client: triton.InferenceServerClient, shape: str) -> None:
    result = client.infer(NAME, tensors(predictor, binary=True, shape=shape), request_id="7")
    assert result.get_response()["id"] == "7"
    for name in predictor.bundle.golden["outputs"]:
        assert "data" not in result.get_output(name)
        assert_golden(predictor, name, result.as_numpy(name))


@pytest.mark.parametrize("binary_inputs", [True, False])
@pytest.mark.parametrize("binary_outputs", [True, False])
def test_triton_each_side_chooses(
    predictor: Predictor, client: triton.InferenceServerClient, *, binary_inputs: bool, binary_outputs: bool
) -> None:
    wanted = predictor.bundle.golden["outputs"]
    asked = [triton.InferRequestedOutput(name, binary_data=binary_outputs) for name in wanted]
    result = client.infer(NAME, tensors(predictor, binary=binary_inputs), outputs=asked)
    for name in wanted:
        assert ("data" in result.get_output(name)) is not binary_outputs
        if binary_outputs:  # in JSON, Triton's client cannot read the null that stands for NaN
            assert_golden(predictor, name, result.as_numpy(name))


def test_triton_sees_the_model(predictor: Predictor, client: triton.InferenceServerClient) -> None:
    fingerprint = predictor.bundle.fingerprint
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready(NAME)
    assert client.is_model_ready(NAME, fingerprint)
    assert not client.is_model_ready("another")
    assert not client.is_model_ready(NAME, "0" * 64)
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    metadata = client.get_model_metadata(NAME)
    assert metadata["versions"] == [fingerprint]
    assert metadata["inputs"] == [
        {"name": "distance", "datatype": "FP64", "shape": [-1, 1]},
        {"name": "carrier", "datatype": "BYTES", "shape": [-1, 1]},
    ]
    assert [output["name"] for output in metadata["outputs"]] == list(predictor.bundle.golden["outputs"])


def test_triton_asks_for_a_version(predictor: Predictor, client: triton.InferenceServerClient) -> None:
    result = client.infer(NAME, tensors(predictor, binary=True), model_version=predictor.bundle.fingerprint)
    assert_golden(predictor, "prediction", result.as_numpy("prediction"))
    with pytest.raises(InferenceServerException, match="there is no version '1' here"):
        client.infer(NAME, tensors(predictor, binary=True), model_version="1")


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool"])
@pytest.mark.parametrize("binary", [True, False])
def test_triton_numbers_of_every_type(
    predictor: Predictor, client: triton.InferenceServerClient, dtype: str, *, binary: bool
) -> None:
    assert_same_as_float64(predictor, client, np.asarray([[0], [1]], dtype), binary=binary)


@pytest.mark.parametrize(  # Triton's client has no JSON for FP16
    ("dtype", "binary"),
    [("float16", True), ("float32", True), ("float64", True), ("float32", False), ("float64", False)],
)
def test_triton_floats_keep_their_precision(
    predictor: Predictor, client: triton.InferenceServerClient, dtype: str, *, binary: bool
) -> None:
    assert_same_as_float64(predictor, client, np.asarray([[0.1], [-1.7]], dtype), binary=binary)


def assert_same_as_float64(
    predictor: Predictor, client: triton.InferenceServerClient, values: np.ndarray, *, binary: bool
) -> None:
    answers = []
    for array, as_bytes in ((values, binary), (values.astype(np.float64), True)):
        distance = triton.InferInput("distance", array.shape, triton_type(array.dtype))
        distance.set_data_from_numpy(array, binary_data=as_bytes)
        carrier = triton.InferInput("carrier", array.shape, "BYTES")
        carrier.set_data_from_numpy(np.full(array.shape, "UA", object))
        output = "prediction" if predictor.bundle.signature.task == "regression" else "probabilities"
        answers.append(client.infer(NAME, [distance, carrier]).as_numpy(output))
    np.testing.assert_array_equal(*answers)


def test_triton_is_told_what_is_wrong(predictor: Predictor, client: triton.InferenceServerClient) -> None:
    with pytest.raises(InferenceServerException, match="feature 'carrier' is missing"):
        client.infer(NAME, tensors(predictor, binary=True)[:1])


def test_kserve_v1(predictor: Predictor) -> None:
    async def talk() -> tuple[Any, ...]:
        async with InferenceRESTClient(RESTConfig(protocol="v1", timeout=30)) as client:
            return (
                await client.is_server_live(predictor.url),
                await client.is_model_ready(predictor.url, NAME),
                await client.infer(predictor.url, {"instances": rows(predictor)}, NAME),
                await client.infer(predictor.url, {"instances": [list(row.values()) for row in rows(predictor)]}, NAME),
            )

    live, ready, by_name, by_place = asyncio.run(talk())
    assert (live, ready) == (True, True)
    assert by_name == by_place == {"predictions": predictor.bundle.golden["outputs"]["prediction"]}


@pytest.mark.parametrize("binary", [True, False])
def test_kserve_v2(predictor: Predictor, *, binary: bool) -> None:
    async def talk() -> tuple[Any, ...]:
        inputs = []
        for feature in predictor.bundle.signature.features:
            values = columns(predictor)[feature.name]
            tensor = InferInput(feature.name, list(values.shape), DATATYPES[feature.kind][0])
            tensor.set_data_from_numpy(values, binary_data=binary)
            inputs.append(tensor)
        outputs = [RequestedOutput(name, {"binary_data": binary}) for name in predictor.bundle.golden["outputs"]]
        request = InferRequest(NAME, inputs, request_outputs=outputs)
        headers: dict[str, str] = {}
        async with InferenceRESTClient(RESTConfig(protocol="v2", timeout=30)) as client:
            return (
                await client.is_server_live(predictor.url),
                await client.is_server_ready(predictor.url),
                await client.is_model_ready(predictor.url, NAME),
                await client.infer(predictor.url, request, NAME, response_headers=headers),
                headers,
            )

    *alive, response, headers = asyncio.run(talk())
    assert alive == [True, True, True]
    assert headers["x-fairlead-model"] == predictor.bundle.fingerprint
    for name in predictor.bundle.golden["outputs"]:
        output = response.get_output_by_name(name)
        assert_golden(
            predictor, name, output.as_numpy() if binary else [np.nan if v is None else v for v in output.data]
        )
