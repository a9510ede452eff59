import { create, createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { type FileDescriptorProto, FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "@jest/globals";
import { ExecutionService } from "../../src/gen/execution/v1/execution_pb.js";
import { Health } from "../../src/gen/grpc/health/v1/health_pb.js";
import {
  type ServerReflectionRequest,
  ServerReflectionRequestSchema,
} from "../../src/gen/grpc/reflection/v1/reflection_pb.js";
import { createReflection } from "../../src/server/reflection.ts";

const reflection = createReflection([ExecutionService, Health]);

const ask = (messageRequest: ServerReflectionRequest["messageRequest"]) =>
  reflection.answer(create(ServerReflectionRequestSchema, { host: "h", messageRequest })).messageResponse;

const filesOf = (messageRequest: ServerReflectionRequest["messageRequest"]) => {
  const { case: kind, value } = ask(messageRequest);
  if (kind !== "fileDescriptorResponse") throw new Error(`no files but ${kind}`);
  return value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
};

/** Files in an order in which each comes after all it imports; throws if one is missing. */
function importsFirst(files: readonly FileDescriptorProto[]): FileDescriptorProto[] {
  const ordered = new Set<FileDescriptorProto>();
  const visit = (name: string): void => {
    const file = files.find((each) => each.name === name);
    if (file === undefined) throw new Error(`${name} is missing`);
    file.dependency.forEach(visit);
    ordered.add(file);
  };
  for (const { name } of files) visit(name);
  return [...ordered];
}

describe("reflection", () => {
  test("lists the services", () => {
    expect(ask({ case: "listServices", value: "" }).value).toMatchObject({
      service: [{ name: "execution.v1.ExecutionService" }, { name: "grpc.health.v1.Health" }],
    });
  });

  // Mutants seen red: without imports; without imports of imports.
  test("answers a file with all it takes to use it, options and rules included", () => {
    const files = filesOf({ case: "fileContainingSymbol", value: "execution.v1.ExecutionService" });
    expect(files[0]?.name).toBe("execution/v1/execution.proto");
    const names = files.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(
      expect.arrayContaining([
        "execution/v1/options.proto",
        "buf/validate/validate.proto",
        "google/protobuf/descriptor.proto",
      ]),
    );
    const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: importsFirst(files) }));
    expect(registry.getService("execution.v1.ExecutionService")?.methods).toHaveLength(ExecutionService.methods.length);
    expect(registry.getExtension("execution.v1.access")?.number).toBe(50_101);
  });

  test.each([
    ["a service", "execution.v1.ExecutionService"],
    ["a method", "execution.v1.ExecutionService.Chat"],
    ["a message", "execution.v1.ChatRequest"],
    ["a field", "execution.v1.ChatRequest.messages"],
    ["an enum", "execution.v1.FinishReason"],
    ["an extension", "execution.v1.access"],
    ["a nested message of an import", "google.protobuf.DescriptorProto.ExtensionRange"],
  ])("finds the file of %s", (_kind, value) => {
    expect(filesOf({ case: "fileContainingSymbol", value })[0]?.name).toMatch(/\.proto$/);
  });

  test("finds a file by its name and extensions by their number", () => {
    expect(filesOf({ case: "fileByFilename", value: "execution/v1/chat.proto" })[0]?.package).toBe("execution.v1");
    const containingType = "google.protobuf.MethodOptions";
    const number = {
      $typeName: "grpc.reflection.v1.ExtensionRequest",
      containingType,
      extensionNumber: 50_101,
    } as const;
    expect(filesOf({ case: "fileContainingExtension", value: number })[0]?.name).toBe("execution/v1/options.proto");
    expect(ask({ case: "allExtensionNumbersOfType", value: containingType })).toMatchObject({
      case: "allExtensionNumbersResponse",
      value: { baseTypeName: containingType, extensionNumber: [50_101] },
    });
  });

  test.each<[ServerReflectionRequest["messageRequest"], number]>([
    [{ case: "fileByFilename", value: "../package.json" }, 5],
    [{ case: "fileContainingSymbol", value: "constructor" }, 5],
    [{ case: "allExtensionNumbersOfType", value: "no.Type" }, 5],
    [{ case: undefined }, 3],
  ])("answers %j with an error, not with a failure", (asked, errorCode) => {
    expect(ask(asked)).toMatchObject({ case: "errorResponse", value: { errorCode } });
  });

  test("says what it was asked", () => {
    const request = create(ServerReflectionRequestSchema, {
      host: "h",
      messageRequest: { case: "listServices", value: "" },
    });
    expect(reflection.answer(request)).toMatchObject({ validHost: "h", originalRequest: request });
  });
});

// Mutants seen red: no bound; a call that leaves twice counted twice.
test("there are at most 10 calls at once, which need no key", () => {
  const { enter } = createReflection([Health]);
  const leave = Array.from({ length: 10 }, () => enter());
  const refused = expect.objectContaining({ reason: "OVERLOADED" });
  expect(enter).toThrow(refused);
  leave[0]?.();
  leave[0]?.();
  enter();
  expect(enter).toThrow(refused);
});

// Mutant seen red: files serialized for each answer.
test("a file is serialized once", () => {
  const files = () => {
    const { value } = ask({ case: "fileContainingSymbol", value: "grpc.health.v1.Health" });
    return typeof value === "object" && "fileDescriptorProto" in value ? value.fileDescriptorProto : [];
  };
  expect(files()[0]).toBe(files()[0]);
});
