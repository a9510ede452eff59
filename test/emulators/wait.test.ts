import { describe, expect, test } from "@jest/globals";
import { createNotice, WaitTimeoutError, waitFor, within } from "../support/wait.ts";

const never = new Promise<never>(() => undefined);

describe("waiting for a promise", () => {
  test("passes its value and its rejection on", async () => {
    await expect(within(Promise.resolve(7), { what: "seven" })).resolves.toBe(7);
    await expect(within(Promise.reject(new Error("no")), { what: "seven" })).rejects.toThrow("no");
  });

  test("gives up by name", async () => {
    await expect(within(never, { what: "a miracle", timeoutMs: 1 })).rejects.toThrow(
      new WaitTimeoutError("waited 1 ms in vain for a miracle"),
    );
  });
});

describe("waiting for a value", () => {
  test("gives the first that is there, zero and the empty string included", async () => {
    const values = [undefined, null, false, 0] as const;
    let asked = 0;
    await expect(waitFor(() => values[asked++], { what: "a value" })).resolves.toBe(0);
    await expect(waitFor(() => "", { what: "a value" })).resolves.toBe("");
    expect(asked).toBe(4);
  });

  test("gives up by name", async () => {
    await expect(waitFor(() => undefined, { what: "a value", timeoutMs: 1 })).rejects.toThrow(WaitTimeoutError);
  });
});

describe("waiting for a notice", () => {
  test("checks at once, then at each notice", async () => {
    const notice = createNotice();
    let count = 0;
    await notice.until(() => count === 0, { what: "zero" });
    const two = notice.until(() => count === 2, { what: "two" });
    const one = notice.until(() => count >= 1, { what: "one" });
    count = 1;
    notice.notify();
    await one;
    count = 2;
    notice.notify();
    await two;
  });

  test("gives up by name", async () => {
    await expect(createNotice().until(() => false, { what: "a notice", timeoutMs: 1 })).rejects.toThrow("a notice");
  });
});
