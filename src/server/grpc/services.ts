import { type DescMethod, type DescService, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import type { MethodDefinition, ServiceDefinition } from "@grpc/grpc-js";

/** Path of a method on the wire. */
export function methodPath(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

/** A service whose messages are handed over as bytes: what cannot be decoded is then ours to answer. */
export function bytesService(
  methods: Iterable<readonly [path: string, method: DescMethod | undefined]>,
): ServiceDefinition {
  const same = (bytes: Buffer): Buffer => bytes;
  const codec = {
    requestDeserialize: same,
    requestSerialize: same,
    responseDeserialize: same,
    responseSerialize: same,
  };
  return Object.fromEntries([...methods].map(([path, method]) => [path, { path, ...streamsOf(method), ...codec }]));
}

/** A service whose messages grpc-js decodes and encodes. */
export function messageService(service: DescService): ServiceDefinition {
  return Object.fromEntries(service.methods.map((method) => [method.localName, messageMethod(method)]));
}

function messageMethod(method: DescMethod): MethodDefinition<Message, Message> {
  return {
    path: methodPath(method),
    ...streamsOf(method),
    requestDeserialize: (bytes) => fromBinary(method.input, bytes),
    requestSerialize: (message) => asBuffer(toBinary(method.input, message)),
    responseDeserialize: (bytes) => fromBinary(method.output, bytes),
    responseSerialize: (message) => asBuffer(toBinary(method.output, message)),
  };
}

function streamsOf(method: DescMethod | undefined): { requestStream: boolean; responseStream: boolean } {
  const kind = method?.methodKind;
  return {
    requestStream: kind === "client_streaming" || kind === "bidi_streaming",
    responseStream: kind === "server_streaming" || kind === "bidi_streaming",
  };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
