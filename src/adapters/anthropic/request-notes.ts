import type { ExecutionError } from "../../errors.ts";
import type { Capability } from "../../gen/execution/v1/capabilities_pb.js";
import { cannotCarry as cannot, createNotes, type Notes } from "../notes.ts";
import { OWNER } from "./blocks.ts";
import type { Quirks } from "./quirks.ts";

/** What is at hand while a request is built: the model's quirks, and where to say what was left out. */
export interface BuildContext extends Notes {
  readonly quirks: Quirks;
}

/** A context that collects warnings. */
export function createBuildContext(quirks: Quirks): BuildContext {
  return { quirks, ...createNotes() };
}

/** The error for content this wire or this model has no place for. */
export function cannotCarry(field: string, what: string, capability?: Capability): ExecutionError {
  return cannot(OWNER, field, what, capability);
}
