import { create } from "@bufbuild/protobuf";
import { ExecutionError } from "../../errors.ts";
import { Capability } from "../../gen/execution/v1/capabilities_pb.js";
import { type Warning, WarningSchema } from "../../gen/execution/v1/chat_pb.js";
import type { Quirks } from "./quirks.ts";

/** What is at hand while a request is built: the server's quirks, and where to say what was left out. */
export interface BuildContext {
  readonly quirks: Quirks;
  /** Says that a field of the contract was left out. `field` is its path. */
  readonly ignored: (field: string, why: string) => void;
}

/** A context that collects warnings. */
export function createBuildContext(quirks: Quirks): BuildContext & { readonly warnings: readonly Warning[] } {
  const warnings: Warning[] = [];
  return {
    quirks,
    warnings,
    ignored: (field, why) => {
      warnings.push(create(WarningSchema, { code: "FIELD_IGNORED", field, text: `${field} was left out: ${why}` }));
    },
  };
}

/** The error for a field no server of this kind could take. */
export function invalidField(field: string, description: string): ExecutionError {
  return new ExecutionError("INVALID_FIELD", `${field} ${description}`, { fields: [{ field, description }] });
}

/** The error for content this server's wire has no place for. */
export function cannotCarry(
  { quirks }: BuildContext,
  field: string,
  what: string,
  capability?: Capability,
): ExecutionError {
  const description = `${quirks.vendor} takes no ${what} here; send it to another provider or leave it out`;
  return new ExecutionError("CAPABILITY_MISSING", `${field}: ${description}`, {
    fields: [{ field, description }],
    preconditions: [
      { type: "CAPABILITY", subject: capability === undefined ? what : (Capability[capability] ?? what), description },
    ],
  });
}
