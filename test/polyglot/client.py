"""Calls a gateway with grpcio and generated stubs, as a Python program would, and says what it was told.

Reads one JSON object from standard input: {"target", "cases": [...], "repeated": {"case", "times"}, "cancel": request,
"admin": work of admin.py}. Prints one JSON object:
{"outcomes": {name: outcome}, "repeated": [outcome], "cancelled": {...}, "admin": {...}, "reflected": {...}}. An outcome is {"events", "failure"}; events and
details are ProtoJSON, and a failure has the code as a number.
"""

import base64
import json
import sys

import grpc
from admin import administer
from execution.v1 import chat_pb2, errors_pb2, execution_pb2_grpc  # noqa: F401 (errors_pb2: so that its detail is known)
from google.protobuf import json_format
from google.protobuf.descriptor_pool import DescriptorPool
from google.rpc import error_details_pb2, status_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

SERVICE = "execution.v1.ExecutionService"


def failure_of(error):
    trailers = dict(error.trailing_metadata() or ())
    serialized = trailers.get("grpc-status-details-bin")
    if serialized is None:
        return {"code": error.code().value[0], "message": error.details(), "details": [], "bytes": 0}
    status = status_pb2.Status.FromString(serialized)
    # A long message is cut beside the details, which hold the whole.
    same = status.message == error.details() or (
        error.details().endswith("...") and status.message.startswith(error.details()[:-3])
    )
    if status.code != error.code().value[0] or not same:
        raise AssertionError(f"the details are those of another status: {status.message!r}, {error.details()!r}")
    info = error_details_pb2.ErrorInfo()
    if not status.details[0].Unpack(info) or info.domain != "execution-platform":
        raise AssertionError("the first detail is no ErrorInfo of the platform")
    details = [json_format.MessageToDict(detail) for detail in status.details]
    return {"code": status.code, "message": status.message, "details": details, "bytes": len(serialized)}


def open_call(channel, stub, case):
    metadata = [("authorization", f"Bearer {case['key']}")] if case.get("key") else []
    options = {"metadata": metadata, "timeout": case.get("timeoutSeconds")}
    if "raw" in case:
        method = channel.unary_stream(
            f"/{SERVICE}/{case['rpc']}",
            request_serializer=lambda data: data,
            response_deserializer=chat_pb2.ChatResponse.FromString,
        )
        return method(base64.b64decode(case["raw"]), **options)
    return stub.Chat(json_format.ParseDict(case["request"], chat_pb2.ChatRequest()), **options)


def outcome_of(channel, stub, case):
    events = []
    try:
        for event in open_call(channel, stub, case):
            events.append(json_format.MessageToDict(event))
        return {"events": events, "failure": None}
    except grpc.RpcError as error:
        return {"events": events, "failure": failure_of(error)}


def patient_outcome_of(channel, stub, case):
    """Tries a call with a deadline again where this program's own clock was first, on a machine that stood still for as long as the margin."""
    outcome = outcome_of(channel, stub, case)
    for _ in range(4 if case.get("timeoutSeconds") else 0):
        if outcome["failure"] is None or outcome["failure"]["details"]:
            break
        outcome = outcome_of(channel, stub, case)
    return outcome


def cancel(channel, stub, case):
    """Leaves after the first text; what the gateway does then is seen by its provider."""
    call = open_call(channel, stub, case)
    for event in call:
        if event.WhichOneof("event") == "text_delta":
            call.cancel()
            break
    try:
        for _ in call:
            pass
    except grpc.RpcError as error:
        return {"code": error.code().name}
    return {"code": call.code().name}


def reflect(channel):
    """Reads the contract off the server, and nothing of the generated files."""
    database = ProtoReflectionDescriptorDatabase(channel)
    chat = DescriptorPool(database).FindServiceByName(SERVICE).FindMethodByName("Chat")
    return {"services": sorted(database.get_services()), "input": chat.input_type.full_name, "streams": chat.server_streaming}


def main():
    work = json.load(sys.stdin)
    with grpc.insecure_channel(work["target"], options=[("grpc.enable_retries", 0)]) as channel:
        stub = execution_pb2_grpc.ExecutionServiceStub(channel)
        repeated = work["repeated"]
        result = {
            "outcomes": {case["name"]: patient_outcome_of(channel, stub, case) for case in work["cases"]},
            "repeated": [outcome_of(channel, stub, repeated["case"]) for _ in range(repeated["times"])],
            "cancelled": cancel(channel, stub, work["cancel"]),
            "admin": administer(work["admin"], failure_of),
            "reflected": reflect(channel),
        }
    json.dump(result, sys.stdout)


main()
