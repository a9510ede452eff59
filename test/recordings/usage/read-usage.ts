import type { Adapter } from "../../../src/adapters/adapter.ts";
import type { Usage } from "../../../src/gen/execution/v1/usage_pb.js";
import { userRequest } from "../../adapters/openai/rig.ts";
import { attemptInput } from "../../adapters/shared/observe.ts";
import { createEmulator } from "../../emulators/emulator.ts";
import { loadCase, type RecordedCase, toExchange } from "../../support/recordings.ts";
import { type ReportedUsage, settingsFor, wires } from "./wires.ts";

/** What was recorded of one answer's usage, and what we read out of it. */
export interface ReadUsage {
  readonly id: string;
  readonly label: string;
  /** Whose prices count. */
  readonly vendor: string;
  /** The model the request named, else the one that answered. */
  readonly model: string;
  readonly atMs: number;
  /** As the provider sent it. */
  readonly reported: ReportedUsage;
  /** The service tier the answer names; undefined if it names none. */
  readonly tier: unknown;
  /** Undefined if the adapter told no final usage. */
  readonly usage: Usage | undefined;
}

/** Replays every recorded answer that has a usage, of every wire there is an adapter for, and gives back what was read. */
export async function readRecordedUsage(): Promise<readonly ReadUsage[]> {
  const emulator = await createEmulator();
  const read: ReadUsage[] = [];
  let minted = 0;
  for (const { label, adapter: kind, rows, tier } of wires) {
    for (const row of rows) {
      const recorded = loadCase(row);
      const reported = recorded.expected.usage;
      if (!isObject(reported)) continue;
      const settings = settingsFor(kind, row, `${emulator.baseUrl}/v1`);
      const adapter = kind.create(settings, { now: Date.now, newId: () => `minted ${minted++}` });
      emulator.enqueue(toExchange(recorded, { kind: "whole" }));
      read.push({
        id: row.id,
        label,
        vendor: adapter.seller,
        model: modelOf(recorded),
        atMs: timeOf(recorded),
        reported,
        tier: tier(reported, Buffer.from(recorded.body).toString("utf8")),
        usage: await finalUsage(adapter),
      });
      await adapter.close();
    }
  }
  await emulator.close();
  return read;
}

/** The last final usage; one that came before a failure counts. */
async function finalUsage(adapter: Adapter): Promise<Usage | undefined> {
  let usage: Usage | undefined;
  try {
    for await (const events of adapter.chat(attemptInput(userRequest("Hi"), { model: "any" }))) {
      for (const { event } of events) if (event.case === "usage" && event.value.final) usage = event.value.usage;
    }
  } catch {
    // What it failed with is for the suites over answers.
  }
  return usage;
}

/** The model in the body, in the path (Gemini), or of the answer where the request was not recorded. */
function modelOf({ request, body }: RecordedCase): string {
  const named = isObject(request?.body) ? request.body.model : undefined;
  if (typeof named === "string") return named;
  const inPath = /\/models\/([\w.-]+):/.exec(request?.path ?? "")?.[1];
  if (inPath !== undefined && inPath !== "unknown" && inPath !== "m") return inPath;
  const answer = /"(?:model|modelVersion)"\s*:\s*"([^"]+)"/.exec(Buffer.from(body).toString("utf8"));
  return answer?.[1] ?? "";
}

/** When it was recorded, by the response's date; else when the prices were last compared. */
function timeOf({ responseHeaders }: RecordedCase): number {
  const date = Object.entries(responseHeaders).find(([name]) => name.toLowerCase() === "date")?.[1];
  const ms = Date.parse(date ?? "");
  return Number.isNaN(ms) ? Date.UTC(2026, 10, 26) : ms;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
