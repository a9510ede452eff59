import type { DescMessage, Message } from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import { ExecutionError } from "../errors.ts";

const validator = createValidator();

/** Checks a message against the rules in the contract. Throws INVALID_FIELD with one violation for each broken rule. */
export function validateMessage(schema: DescMessage, message: Message): void {
  const result = validator.validate(schema, message);
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
