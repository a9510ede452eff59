import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { createFileRegistry, fromBinary, fromJson } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { type SpecCheck, specFile } from "../shared/specs.ts";

const BUF = fileURLToPath(new URL("../../../node_modules/.bin/buf", import.meta.url));
const REQUEST = "google.ai.generativelanguage.v1beta.GenerateContentRequest";

/** A check by the published type of a request, fields that it does not know refused: `buf` builds it from the protos. */
export function loadRequestType(): SpecCheck {
  const protos = specFile("gemini/proto");
  const image = execFileSync(BUF, ["build", protos, "--as-file-descriptor-set", "-o", "-#format=binpb"], {
    maxBuffer: 64 * 1024 * 1024,
  });
  const type = createFileRegistry(fromBinary(FileDescriptorSetSchema, image)).getMessage(REQUEST);
  if (type === undefined) throw new Error(`the published protos have no ${REQUEST}`);
  return (value) => {
    try {
      fromJson(type, value as Parameters<typeof fromJson>[1]);
      return [];
    } catch (error) {
      return [String(error)];
    }
  };
}
