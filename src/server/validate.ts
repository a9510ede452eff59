import type { DescMessage, Message } from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import { ExecutionError } from "../errors.ts";

const validator = createValidator();
const firstOnly = createValidator({ failFast: true });

/** Largest message of which every violation is listed, in bytes: two bytes of a larger one can be a violation each. */
export const MAX_LISTED_BYTES = 65_536;

/**
 * Checks a message that had so many bytes against the rules in the contract. Throws INVALID_FIELD with one violation for each broken rule, or,
 * above MAX_LISTED_BYTES, with the first.
 */
export function validateMessage(schema: DescMessage, message: Message, bytes = 0): void {
  const result = (bytes > MAX_LISTED_BYTES ? firstOnly : validator).validate(schema, message);
  if (result.kind === "valid") return;
  if (result.kind === "error") throw result.error;
  const fields = result.violations.map((violation) => ({
    field: violation.field.length === 0 ? "" : (violation.toString().split(": ")[0] ?? ""),
    description: violation.message,
  }));
  const listed = fields
    .slice(0, 5)
    .map(({ field, description }) => (field === "" ? description : `${field}: ${description}`));
  throw new ExecutionError("INVALID_FIELD", listed.join("; "), { fields });
}
