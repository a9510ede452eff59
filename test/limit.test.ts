import { expect, test } from "@jest/globals";
import { type Limit, limitId, loggedLimit } from "../src/limit.ts";

// Mutants seen red: a log that calls every limit by its whole id; one that has no names at all.
test("a log calls a limit by its id, but names no end user", () => {
  const user: Limit = {
    scope: "end_user",
    value: "ada@example.com",
    window: "day",
    unit: "usd",
    amount: 1n,
    mode: "hard",
  };
  const key: Limit = { ...user, scope: "key", value: "ci" };
  expect(loggedLimit(user)).toBe('["end_user",null,"day","usd","hard"]');
  expect(loggedLimit({ ...user, tenant: "acme" })).toBe('["end_user",null,"day","usd","hard","acme"]');
  expect(loggedLimit(key)).toBe(limitId(key));
});
