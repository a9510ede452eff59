import { create } from "@bufbuild/protobuf";
import { ExecutionError } from "../errors.ts";
import { Capability } from "../gen/execution/v1/capabilities_pb.js";
import { type Warning, WarningSchema } from "../gen/execution/v1/chat_pb.js";

/** Where the builder of a request says what it left out. */
export interface Notes {
  /** Everything that was said, in order. */
  readonly warnings: readonly Warning[];
  /** Says that a field of the contract was left out. `field` is its path. */
  readonly ignored: (field: string, why: string) => void;
  /** Says that a field of the contract was sent as something else than it asked for. */
  readonly changed: (field: string, why: string) => void;
}

/** Notes that collect warnings. */
export function createNotes(): Notes {
  const warnings: Warning[] = [];
  const warn = (code: string, field: string, text: string): void => {
    warnings.push(create(WarningSchema, { code, field, text }));
  };
  return {
    warnings,
    ignored: (field, why) => warn("FIELD_IGNORED", field, `${field} was left out: ${why}`),
    changed: (field, why) => warn("FIELD_CHANGED", field, `${field} was changed: ${why}`),
  };
}

/** The error for a field no server of this kind could take. */
export function invalidField(field: string, description: string): ExecutionError {
  return new ExecutionError("INVALID_FIELD", `${field} ${description}`, { fields: [{ field, description }] });
}

/** The error for content a vendor's wire has no place for; `what` names it where no capability does. */
export function cannotCarry(vendor: string, field: string, what: string, capability?: Capability): ExecutionError {
  const description = `${vendor} takes no ${what} here; send it to another provider or leave it out`;
  return new ExecutionError("CAPABILITY_MISSING", `${field}: ${description}`, {
    fields: [{ field, description }],
    preconditions: [
      { type: "CAPABILITY", subject: capability === undefined ? what : (Capability[capability] ?? what), description },
    ],
  });
}
