"""What a program in Python does with the service, by reflection alone: prints what it saw as one JSON object.

Arguments: address, password, audio, image, and for TLS the certificate to trust.
"""

import json
import pathlib
import sys

import grpc
from google.protobuf import descriptor_pool, json_format, message_factory
from google.rpc import error_details_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_status import rpc_status

PACKAGE = "visionbatch.v1"
CHUNK = 256 * 1024  # the largest that the contract takes
DEADLINE = 60


class Service:
    """The service as its reflection describes it."""

    def __init__(self, channel):
        self.channel = channel
        self.database = ProtoReflectionDescriptorDatabase(channel)
        self.pool = descriptor_pool.DescriptorPool(self.database)
        self.token = None

    def names(self):
        return sorted(self.database.get_services())

    def message(self, name):
        return message_factory.GetMessageClass(self.pool.FindMessageTypeByName(f"{PACKAGE}.{name}"))

    def call(self, service, method, request):
        """A message for a unary request, a list of messages for a stream of them."""
        descriptor = self.pool.FindServiceByName(f"{PACKAGE}.{service}").FindMethodByName(method)
        answer = message_factory.GetMessageClass(descriptor.output_type)
        kind = (
            ("stream" if descriptor.client_streaming else "unary")
            + "_"
            + ("stream" if descriptor.server_streaming else "unary")
        )
        stub = getattr(self.channel, kind)(
            f"/{PACKAGE}.{service}/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=answer.FromString,
        )
        metadata = [("authorization", f"Bearer {self.token}")] if self.token else []
        sent = iter(request) if descriptor.client_streaming else request
        return stub(sent, metadata=metadata, timeout=DEADLINE)


def uploaded(service, spec, files):
    """The messages of CreateBatch: the spec, then for each file its header and its chunks."""
    part = service.message("CreateBatchRequest")
    yield json_format.ParseDict({"spec": spec}, part())
    for kind, path in files:
        content = path.read_bytes()
        header = {"kind": kind, "filename": path.name, "sizeBytes": str(len(content))}
        yield json_format.ParseDict({"file": header}, part())
        for start in range(0, len(content), CHUNK):
            yield part(chunk=content[start : start + CHUNK])


def refusal(call):
    """The status code, reason and metadata of an error."""
    try:
        call()
    except grpc.RpcError as error:
        told = {"code": error.code().name, "message": error.details()}
        for detail in rpc_status.from_call(error).details:
            info = error_details_pb2.ErrorInfo()
            if detail.Unpack(info):
                told.update(reason=info.reason, domain=info.domain, metadata=dict(info.metadata))
        return told
    raise AssertionError("it was not refused")


def main(address, password, audio, image, certificate=None):
    if certificate:
        credentials = grpc.ssl_channel_credentials(pathlib.Path(certificate).read_bytes())
        channel = grpc.secure_channel(address, credentials)
    else:
        channel = grpc.insecure_channel(address)
    service = Service(channel)
    seen = {"services": service.names()}
    # The details of errors are described too, for clients that do not bring them along.
    seen["error_info"] = sorted(service.pool.FindMessageTypeByName("google.rpc.ErrorInfo").fields_by_name)

    batch_request = service.message("GetBatchRequest")
    seen["no_token"] = refusal(lambda: service.call("BatchService", "GetBatch", batch_request()))

    login = service.message("LoginRequest")(username="admin", password=password)
    service.token = service.call("AuthService", "Login", login).access_token

    image, audio = pathlib.Path(image), pathlib.Path(audio)
    spec = {"name": "from grpcio", "engine": "preview", "imageCount": 1}
    files = [("FILE_KIND_AUDIO", audio), ("FILE_KIND_SOURCE_IMAGE", image)]
    created = service.call("BatchService", "CreateBatch", uploaded(service, spec, files)).batch

    watch = service.message("BatchStatusRequest")(batch_id=created.id)
    events = list(service.call("BatchService", "BatchStatus", watch))
    seen["first_event"] = events[0].WhichOneof("event")
    seen["end"] = json_format.MessageToDict(events[-1].end)

    items = service.call("BatchService", "ListItems", service.message("ListItemsRequest")(batch_id=created.id)).items
    seen["items"] = [json_format.MessageToDict(item)["state"] for item in items]
    download = json_format.ParseDict(
        {"batchId": created.id, "itemId": items[0].id, "kind": "FILE_KIND_VIDEO"},
        service.message("DownloadFileRequest")(),
    )
    parts = list(service.call("BatchService", "DownloadFile", download))
    video = b"".join(part.chunk for part in parts[1:])
    seen["video_whole"] = len(video) == parts[0].metadata.size_bytes and video[4:8] == b"ftyp"

    bad = [("FILE_KIND_AUDIO", audio), ("FILE_KIND_SOURCE_IMAGE", audio)]
    seen["bad_image"] = refusal(lambda: service.call("BatchService", "CreateBatch", uploaded(service, spec, bad)))
    print(json.dumps(seen))


main(*sys.argv[1:])
