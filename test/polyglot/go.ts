import { cp, mkdir, rm } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { mustRun } from "./command.ts";
import type { Program } from "./program.ts";

const root = join(import.meta.dirname, "..", "..");
const source = join(import.meta.dirname, "go");

/** As docs/languages.md has it, with a module of our own. */
const TEMPLATE = {
  version: "v2",
  managed: {
    enabled: true,
    disable: [{ file_option: "go_package", path: "google" }],
    override: [{ file_option: "go_package_prefix", value: "example.com/polyglot/gen" }],
  },
  inputs: [{ directory: "proto" }, { directory: "third_party/protovalidate" }],
  plugins: ["protoc-gen-go", "protoc-gen-go-grpc"].map((local) => ({
    local,
    out: "gen",
    opt: "paths=source_relative",
  })),
};

/** Generates the stubs from the contract and compiles the client, under `node_modules/.cache`. Throws if there is no Go, or if it cannot compile. */
export async function prepareGo(): Promise<Program> {
  const module = join(root, "node_modules", ".cache", "polyglot", "go");
  const binaries = join(module, "bin");
  await rm(module, { recursive: true, force: true });
  await mkdir(binaries, { recursive: true });
  await cp(source, module, { recursive: true });
  const build = (...packages: readonly string[]): Promise<string> =>
    mustRun("go", ["build", "-o", `${binaries}/`, ...packages], { workingDirectory: module, timeoutMs: 240_000 });
  await build("google.golang.org/protobuf/cmd/protoc-gen-go", "google.golang.org/grpc/cmd/protoc-gen-go-grpc");
  await mustRun("buf", ["generate", "--template", JSON.stringify(TEMPLATE), "-o", module], {
    workingDirectory: root,
    environment: { PATH: [binaries, process.env.PATH ?? ""].join(delimiter) },
  });
  await build(".");
  return { name: "Go", command: join(binaries, "polyglot"), args: [], environment: {} };
}
