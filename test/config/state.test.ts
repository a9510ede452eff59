import { describe, expect, test } from "@jest/globals";
import { load, problemsOf } from "./load-from.ts";

const url = async (given: Parameters<typeof load>[0]) => (await load(given)).config.state?.url.reveal();

describe("the state that processes share", () => {
  test("is at the URL that is configured, in the file or by variable", async () => {
    expect(await url({})).toBeUndefined();
    expect(await url({ file: "state: { url: redis://cache:6379 }" })).toBe("redis://cache:6379");
    expect(await url({ environment: { EP_STATE_URL: "valkeys://u:secret@cache:6380/2" } })).toBe(
      "rediss://u:secret@cache:6380/2",
    );
    const file = "state: { url: { env: EP_STATE_URL } }";
    expect(await url({ file, environment: { EP_STATE_URL: "redis://:secret@cache" } })).toBe("redis://:secret@cache");
  });

  test("says what hard budgets may use while it cannot be reached", async () => {
    const { config } = await load({ file: "state: { url: redis://cache, outage_usd: 0.50 }" });
    expect(config.state?.outageNanoUsd).toBe(500_000_000n);
    const problems = await problemsOf({ environment: { EP_STATE_URL: "redis://cache", EP_STATE_OUTAGE_USD: "-1" } });
    expect(problems).toEqual(["EP_STATE_OUTAGE_USD: state.outage_usd: must be a number of usd that is not negative"]);
  });

  // Mutant seen red: a password in the file taken.
  test("is refused where it is no such URL, or a password stands in the file", async () => {
    const noSuch = await problemsOf({ file: "state: { url: http://cache }" });
    expect(noSuch.join()).toContain("must be a URL such as redis://host:6379");
    const problems = (await problemsOf({ file: "state: { url: redis://u:secret@cache }" })).join();
    expect(problems).toContain("a password must not stand in the file");
    expect(problems).not.toContain("secret@");
  });
});
