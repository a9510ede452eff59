import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { ChatResponseSchema } from "../../src/gen/execution/v1/chat_pb.js";
import { API_KEYS, encodeCase, type WireCase } from "../e2e/cases.ts";
import { DETAILS, type Outcome } from "../e2e/outcome.ts";
import { mustRun } from "./command.ts";

const root = join(import.meta.dirname, "..", "..");
const requirements = join(import.meta.dirname, "requirements.txt");

/** A Python with what the client needs, and the stubs it was given. */
export interface Python {
  readonly program: string;
  readonly stubs: string;
}

/** What the client says of all it was asked to do. */
export interface PythonAnswers {
  readonly outcomes: ReadonlyMap<string, Outcome>;
  /** The same failing case, time after time, with the bytes of its status. */
  readonly repeated: readonly { readonly outcome: Outcome; readonly statusBytes: number }[];
  /** The code a call had that was cancelled. */
  readonly cancelledCode: string;
  readonly reflected: { readonly services: readonly string[]; readonly input: string; readonly streams: boolean };
}

/**
 * Makes a Python environment, once for each set of requirements, and generates the stubs from the contract, each time. Both are kept under
 * `node_modules/.cache`. Throws if there is no Python, or if it cannot install.
 */
export async function preparePython(): Promise<Python> {
  const cache = join(root, "node_modules", ".cache", "polyglot");
  const hash = createHash("sha256")
    .update(await readFile(requirements))
    .digest("hex")
    .slice(0, 12);
  const environment = join(cache, `python-${hash}`);
  if (!existsSync(join(environment, "ready"))) await createEnvironment(environment);
  const program = join(environment, "bin", "python");
  const stubs = join(cache, "stubs");
  await rm(stubs, { recursive: true, force: true });
  await mkdir(stubs, { recursive: true });
  const includes = ["proto", "third_party/protovalidate", "third_party/googleapis"].flatMap((path) => ["-I", path]);
  const contract = (await readdir(join(root, "proto/execution/v1"))).map((name) => `proto/execution/v1/${name}`);
  const files = [...contract, "third_party/protovalidate/buf/validate/validate.proto"];
  const outputs = [`--python_out=${stubs}`, `--grpc_python_out=${stubs}`];
  await mustRun(program, ["-m", "grpc_tools.protoc", ...includes, ...outputs, ...files], { workingDirectory: root });
  return { program, stubs };
}

async function createEnvironment(environment: string): Promise<void> {
  await rm(environment, { recursive: true, force: true });
  await mustRun("python3", ["-m", "venv", environment]);
  const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements];
  await mustRun(join(environment, "bin", "python"), pip, { timeoutMs: 300_000 });
  // Written last, so that an installation that broke off is made again.
  await mkdir(join(environment, "ready.part"));
  await rename(join(environment, "ready.part"), join(environment, "ready"));
}

/** Makes all calls with the Python client. */
export async function callFromPython(
  { program, stubs }: Python,
  target: string,
  work: {
    readonly cases: readonly WireCase[];
    readonly repeated: { readonly wireCase: WireCase; readonly times: number };
    readonly cancel: WireCase;
  },
): Promise<PythonAnswers> {
  const input = {
    target,
    cases: work.cases.map(forPython),
    repeated: { case: forPython(work.repeated.wireCase), times: work.repeated.times },
    cancel: forPython(work.cancel),
  };
  const output = await mustRun(program, [join(import.meta.dirname, "client.py")], {
    input: JSON.stringify(input),
    environment: { PYTHONPATH: stubs, PYTHONDONTWRITEBYTECODE: "1", PYTHONIOENCODING: "utf-8" },
  });
  const { outcomes, repeated, cancelled, reflected } = JSON.parse(output) as PythonOutput;
  return {
    outcomes: new Map(Object.entries(outcomes).map(([name, outcome]) => [name, readOutcome(outcome)])),
    repeated: repeated.map((each) => ({ outcome: readOutcome(each), statusBytes: each.failure?.bytes ?? 0 })),
    cancelledCode: cancelled.code,
    reflected,
  };
}

interface PythonOutcome {
  readonly events: readonly JsonValue[];
  readonly failure: {
    readonly code: number;
    readonly message: string;
    readonly details: readonly JsonValue[];
    readonly bytes: number;
  } | null;
}

interface PythonOutput {
  readonly outcomes: Readonly<Record<string, PythonOutcome>>;
  readonly repeated: readonly PythonOutcome[];
  readonly cancelled: { readonly code: string };
  readonly reflected: PythonAnswers["reflected"];
}

/** A case as the client reads it: what no generated message can say goes as bytes. */
function forPython(wireCase: WireCase): { readonly [key: string]: JsonValue } {
  const { name, request, raw, rpc, key = "caller", timeoutMs } = wireCase;
  return {
    name,
    key: key === null ? null : API_KEYS[key],
    ...(timeoutMs === undefined ? {} : { timeoutSeconds: timeoutMs / 1000 }),
    ...(raw === undefined && rpc === undefined
      ? { request }
      : { rpc: rpc ?? "Chat", raw: Buffer.from(encodeCase(wireCase, "binary")).toString("base64") }),
  };
}

function readOutcome({ events, failure }: PythonOutcome): Outcome {
  return {
    events: events.map((event) => fromJson(ChatResponseSchema, event)),
    ...(failure === null
      ? {}
      : {
          failure: {
            code: failure.code,
            message: failure.message,
            details: failure.details.map((each) => fromJson(AnySchema, each, { registry: DETAILS })),
          },
        }),
  };
}
