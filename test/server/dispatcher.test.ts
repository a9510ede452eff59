import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { expect, test } from "@jest/globals";
import { ExecutionError } from "../../src/errors.ts";
import { Code } from "../../src/gen/google/rpc/code_pb.js";
import { ErrorInfoSchema } from "../../src/gen/google/rpc/error_details_pb.js";
import { createBackend } from "../support/backend.ts";

// Mutant seen red: no catch around the building of a status.
test("an error that no status can be built of still gets its caller one, and the log the cause", () => {
  const { dispatcher, bugs } = createBackend({});
  const unbuildable = new ExecutionError("PROVIDER_RATE_LIMITED", "wait", { retryAfterMs: Number.NaN });
  const status = dispatcher.status(unbuildable);
  expect(status.code).toBe(Code.INTERNAL);
  expect(status.details[0] && anyUnpack(status.details[0], ErrorInfoSchema)?.reason).toBe("BUG");
  expect(bugs).toHaveLength(1);
});
