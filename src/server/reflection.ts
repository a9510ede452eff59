import { create, createRegistry, type DescFile, type DescService, type Registry, toBinary } from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { ExecutionError } from "../errors.ts";
import { Code } from "../gen/google/rpc/code_pb.js";
import {
  type ServerReflectionRequest,
  type ServerReflectionResponse,
  ServerReflectionResponseSchema,
} from "../gen/grpc/reflection/v1/reflection_pb.js";

/** Answers server reflection requests, on any wire. v1 and v1alpha have the same messages, so this serves both. */
export interface Reflection {
  answer(request: ServerReflectionRequest): ServerReflectionResponse;
  /** Begins a call; gives what ends it. Throws OVERLOADED if there are too many: an answer is a thousand times as long as its request. */
  enter(): () => void;
}

/** Calls of reflection at once, which need no key. An answer of 95 KiB that nobody takes costs up to three times that. */
const MAX_CALLS = 10;

type Answer = ServerReflectionResponse["messageResponse"];

/**
 * Creates the reflection of these services. A file is answered with all that it imports, the file itself first. What is not known is answered
 * with an error response, NOT_FOUND. The tables are built on the first request.
 *
 * Protocol: https://github.com/grpc/grpc-proto/blob/master/grpc/reflection/v1/reflection.proto
 */
export function createReflection(services: readonly DescService[]): Reflection {
  let tables: Tables | undefined;
  let calls = 0;
  return {
    enter: () => {
      if (calls >= MAX_CALLS)
        throw new ExecutionError("OVERLOADED", "too many calls of reflection", { retryAfterMs: 1000 });
      calls += 1;
      let left = false;
      return () => {
        if (!left) calls -= 1;
        left = true;
      };
    },
    answer: (request) => {
      tables ??= createTables(services);
      const messageResponse = answerOf(tables, services, request.messageRequest);
      return create(ServerReflectionResponseSchema, {
        validHost: request.host,
        originalRequest: request,
        messageResponse,
      });
    },
  };
}

interface Tables {
  readonly registry: Registry;
  readonly filesByName: ReadonlyMap<string, DescFile>;
  /** Files by the full names of the types, methods and fields in them. */
  readonly symbols: ReadonlyMap<string, DescFile>;
  /** Each file as it is sent, once it was: making it takes some milliseconds. */
  readonly serialized: Map<DescFile, Uint8Array>;
}

function createTables(services: readonly DescService[]): Tables {
  const files = new Set<DescFile>();
  for (const { file } of services) addWithImports(file, files);
  const symbols = new Map<string, DescFile>();
  for (const file of files) for (const name of symbolsOf(file)) symbols.set(name, file);
  const filesByName = new Map([...files].map((file) => [file.proto.name, file]));
  return { registry: createRegistry(...files), filesByName, symbols, serialized: new Map() };
}

function addWithImports(file: DescFile, files: Set<DescFile>): void {
  if (files.has(file)) return;
  files.add(file);
  for (const imported of file.dependencies) addWithImports(imported, files);
}

function* symbolsOf(file: DescFile): Generator<string> {
  for (const type of nestedTypes(file)) {
    yield type.typeName;
    if (type.kind === "service") for (const method of type.methods) yield `${type.typeName}.${method.name}`;
    if (type.kind === "message") for (const field of type.fields) yield `${type.typeName}.${field.name}`;
  }
}

function answerOf(
  { registry, filesByName, symbols, serialized }: Tables,
  services: readonly DescService[],
  asked: ServerReflectionRequest["messageRequest"],
): Answer {
  switch (asked.case) {
    case "listServices":
      return listed(services);
    case "fileByFilename":
      return fileAnswer(filesByName.get(asked.value), asked.value, serialized);
    case "fileContainingSymbol":
      return fileAnswer(symbols.get(asked.value), asked.value, serialized);
    case "fileContainingExtension": {
      const { containingType, extensionNumber } = asked.value;
      const extension = extensionsOf(registry, containingType).find(({ number }) => number === extensionNumber);
      return fileAnswer(extension?.file, `extension ${extensionNumber} of ${containingType}`, serialized);
    }
    case "allExtensionNumbersOfType": {
      if (registry.getMessage(asked.value) === undefined) return failed(Code.NOT_FOUND, `${asked.value} is not known`);
      const extensionNumber = extensionsOf(registry, asked.value).map(({ number }) => number);
      return {
        case: "allExtensionNumbersResponse",
        value: {
          $typeName: "grpc.reflection.v1.ExtensionNumberResponse",
          baseTypeName: asked.value,
          extensionNumber,
        },
      };
    }
    default:
      return failed(Code.INVALID_ARGUMENT, "the request asks for nothing this version of reflection knows");
  }
}

function extensionsOf(registry: Registry, typeName: string) {
  return [...registry]
    .filter((type) => type.kind === "extension")
    .filter(({ extendee }) => extendee.typeName === typeName);
}

function listed(services: readonly DescService[]): Answer {
  const service = services.map(({ typeName }) => ({
    $typeName: "grpc.reflection.v1.ServiceResponse" as const,
    name: typeName,
  }));
  return { case: "listServicesResponse", value: { $typeName: "grpc.reflection.v1.ListServiceResponse", service } };
}

function fileAnswer(file: DescFile | undefined, asked: string, serialized: Map<DescFile, Uint8Array>): Answer {
  if (file === undefined) return failed(Code.NOT_FOUND, `${asked} is not known`);
  const files = new Set<DescFile>();
  addWithImports(file, files);
  return {
    case: "fileDescriptorResponse",
    value: {
      $typeName: "grpc.reflection.v1.FileDescriptorResponse",
      fileDescriptorProto: [...files].map((each) => serialize(each, serialized)),
    },
  };
}

function serialize(file: DescFile, serialized: Map<DescFile, Uint8Array>): Uint8Array {
  const known = serialized.get(file);
  if (known !== undefined) return known;
  const bytes = toBinary(FileDescriptorProtoSchema, file.proto);
  serialized.set(file, bytes);
  return bytes;
}

function failed(errorCode: Code, errorMessage: string): Answer {
  return {
    case: "errorResponse",
    value: { $typeName: "grpc.reflection.v1.ErrorResponse", errorCode, errorMessage },
  };
}
