import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { ChatResponseSchema } from "../../src/gen/execution/v1/chat_pb.js";
import { API_KEYS, encodeCase, type WireCase } from "../e2e/cases.ts";
import { DETAILS, type Outcome } from "../e2e/outcome.ts";
import type { AdminAnswers, AdminWork } from "./admin.ts";
import { mustRun } from "./command.ts";

/** A client in another language, ready to run: it reads what to do and prints what it was told, as client.py says. */
export interface Program {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** What the client says of all it was asked to do. */
export interface ProgramAnswers {
  readonly outcomes: ReadonlyMap<string, Outcome>;
  /** The same failing case, time after time, with the bytes of its status. */
  readonly repeated: readonly { readonly outcome: Outcome; readonly statusBytes: number }[];
  /** The code a call had that was cancelled. */
  readonly cancelledCode: string;
  readonly admin: AdminAnswers;
  /** What it read of the contract by reflection, if it has a library for that. */
  readonly reflected?: { readonly services: readonly string[]; readonly input: string; readonly streams: boolean };
}

/** Makes all calls with a client. */
export async function callFrom(
  { command, args, environment }: Program,
  target: string,
  work: {
    readonly cases: readonly WireCase[];
    readonly repeated: { readonly wireCase: WireCase; readonly times: number };
    readonly cancel: WireCase;
    readonly admin: AdminWork;
  },
): Promise<ProgramAnswers> {
  const input = {
    target,
    cases: work.cases.map(forProgram),
    repeated: { case: forProgram(work.repeated.wireCase), times: work.repeated.times },
    cancel: forProgram(work.cancel),
    admin: work.admin,
  };
  const output = await mustRun(command, args, { input: JSON.stringify(input), environment });
  const { outcomes, repeated, cancelled, admin, reflected } = JSON.parse(output) as ProgramOutput;
  return {
    outcomes: new Map(Object.entries(outcomes).map(([name, outcome]) => [name, readOutcome(outcome)])),
    repeated: repeated.map((each) => ({ outcome: readOutcome(each), statusBytes: each.failure?.bytes ?? 0 })),
    cancelledCode: cancelled.code,
    admin,
    ...(reflected === undefined ? {} : { reflected }),
  };
}

/** An error as the client has it: its details in ProtoJSON, and the bytes of its status. */
export interface ProgramFailure {
  readonly code: number;
  readonly message: string;
  readonly details: readonly JsonValue[];
  readonly bytes: number;
}

interface ProgramOutcome {
  readonly events: readonly JsonValue[];
  readonly failure: ProgramFailure | null;
}

interface ProgramOutput {
  readonly outcomes: Readonly<Record<string, ProgramOutcome>>;
  readonly repeated: readonly ProgramOutcome[];
  readonly cancelled: { readonly code: string };
  readonly admin: AdminAnswers;
  readonly reflected?: NonNullable<ProgramAnswers["reflected"]>;
}

/** A case as the client reads it: what no generated message can say goes as bytes. */
function forProgram(wireCase: WireCase): { readonly [key: string]: JsonValue } {
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

function readOutcome({ events, failure }: ProgramOutcome): Outcome {
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
