import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { CostDimension, CostsRequestSchema, CostsResponseSchema } from "../../src/gen/execution/v1/costs_pb.js";
import { Role } from "../../src/gen/execution/v1/options_pb.js";
import type { LedgerStore } from "../../src/ledger/store.ts";
import { createMemoryStore } from "../../src/ledger/stores/memory.ts";
import type { Principal } from "../../src/router/call.ts";
import { validateMessage } from "../../src/server/validate.ts";
import { attemptRow } from "../ledger/attempt-row.ts";
import { anyone, testContext, testRouter, testState } from "../support/routing.ts";

/*
 * Mutants seen red: a caller sees its tenant's rows; the scope is not in the page token's fingerprint; the window of a page follows the clock; an
 * end at or before the start is taken for an empty window; nanoseconds are not looked at.
 */

/** The test router's clock stands at noon. */
const noon = Date.UTC(2026, 10, 26, 12);
const hour = 3_600_000;

let ledger: LedgerStore;
beforeEach(() => {
  ledger = createMemoryStore({ maxSums: 1000, maxAttemptIds: 1000, metadataKeys: ["team"] });
});

const costs = (request: MessageInitShape<typeof CostsRequestSchema>, principal: Partial<Principal> = {}) =>
  testRouter(testState([]), { ledger }).costs(
    create(CostsRequestSchema, request),
    testContext({ principal: { ...anyone, tenant: "acme", key: "ci", ...principal } }),
  );

const refused = (field: string, text: RegExp) => ({
  reason: "INVALID_FIELD",
  message: expect.stringMatching(text),
  extras: { fields: [{ field, description: expect.any(String) }] },
});

describe("who sees what", () => {
  const viewer = { roles: [Role.VIEWER] };
  const admin = { roles: [Role.TENANT_ADMIN] };
  const platform = { roles: [Role.PLATFORM_ADMIN] };

  beforeEach(async () => {
    for (const [tenant, key] of [
      ["acme", "ci"],
      ["acme", "app"],
      ["other", "ci"],
    ] as const) {
      await ledger.settle(attemptRow({ tenant, key }));
    }
  });

  const seen = async (request: MessageInitShape<typeof CostsRequestSchema>, principal: Partial<Principal>) => {
    const { rows } = await costs({ groupBy: [CostDimension.TENANT, CostDimension.KEY], ...request }, principal);
    return rows.map(({ group }) => group.join("/"));
  };

  test("a caller its own key's, viewer and tenant_admin their tenant's, platform_admin all", async () => {
    expect(await seen({}, {})).toEqual(["acme/ci"]);
    expect(await seen({}, viewer)).toEqual(["acme/app", "acme/ci"]);
    expect(await seen({}, admin)).toEqual(["acme/app", "acme/ci"]);
    expect(await seen({}, platform)).toEqual(["acme/app", "acme/ci", "other/ci"]);
    expect(await seen({}, { roles: [Role.CALLER, Role.VIEWER] })).toEqual(["acme/app", "acme/ci"]);
  });

  test("narrowed down as the request says", async () => {
    expect(await seen({ key: "ci" }, {})).toEqual(["acme/ci"]);
    expect(await seen({ key: "app", tenant: "acme" }, viewer)).toEqual(["acme/app"]);
    expect(await seen({ key: "ci" }, platform)).toEqual(["acme/ci", "other/ci"]);
    expect(await seen({ tenant: "other" }, platform)).toEqual(["other/ci"]);
    expect(await seen({ key: "nobody" }, viewer)).toEqual([]);
  });

  test("and never beyond: another tenant, there or not, and for a caller another key, is SCOPE_DENIED", async () => {
    const denied = { reason: "SCOPE_DENIED" };
    for (const tenant of ["other", "nobody"]) {
      await expect(costs({ tenant }, viewer)).rejects.toMatchObject(denied);
      await expect(costs({ tenant }, {})).rejects.toMatchObject(denied);
    }
    await expect(costs({ key: "app" }, {})).rejects.toMatchObject(denied);
  });
});

describe("the window", () => {
  const at = async (...times: readonly number[]): Promise<void> => {
    for (const endedAtMs of times) await ledger.settle(attemptRow({ endedAtMs }));
  };
  const attempts = async (request: MessageInitShape<typeof CostsRequestSchema>) =>
    (await costs(request)).total?.attempts;

  test("is today until now unless the request says otherwise, and the answer says as of when it is", async () => {
    await at(noon - 13 * hour, noon - hour, noon);
    const { total, asOf } = await costs({});
    expect(total?.attempts).toBe(2n);
    expect(asOf).toEqual(timestampFromMs(noon));
    expect(await attempts({ startTime: timestampFromMs(noon - 24 * hour) })).toBe(3n);
    expect(await attempts({ endTime: timestampFromMs(noon) })).toBe(1n);
  });

  test("is widened to whole minutes", async () => {
    await at(noon - 40_000, noon - hour + 50_000);
    const window = { startTime: timestampFromMs(noon - hour + 55_000), endTime: timestampFromMs(noon - 45_000) };
    expect(await attempts(window)).toBe(2n);
  });

  // Mutant seen red: an end that was not given is named end_time.
  test.each([
    ["start_time", noon, noon, /is not before end_time/],
    ["start_time", noon + 1, noon, /is not before end_time/],
    ["start_time", noon + hour, undefined, /is not before now, which is the end by default/],
    ["end_time", undefined, noon - 12 * hour, /start of today/],
  ])("whose %s is wrong is refused", async (field, startMs, endMs, text) => {
    const request = {
      ...(startMs === undefined ? {} : { startTime: timestampFromMs(startMs) }),
      ...(endMs === undefined ? {} : { endTime: timestampFromMs(endMs) }),
    };
    await expect(costs(request)).rejects.toMatchObject(refused(field, text));
  });

  // Mutant seen red: the last whole millisecond taken for the last time there is.
  test("may be all the time there is", async () => {
    await at(noon);
    const [first, last] = [
      { seconds: -62_135_596_800n, nanos: 0 },
      { seconds: 253_402_300_799n, nanos: 999_999_999 },
    ];
    expect(await attempts({ startTime: first, endTime: last })).toBe(1n);
    const refusal = refused("end_time", /is not a time/);
    await expect(costs({ endTime: { seconds: last.seconds + 1n, nanos: 0 } })).rejects.toMatchObject(refusal);
  });

  test.each([
    { seconds: 1n, nanos: -1 },
    { seconds: 1n, nanos: 1_000_000_000 },
    { seconds: 2n ** 62n, nanos: 0 },
    { seconds: -(2n ** 62n), nanos: 0 },
  ])("that is no time (%p) is refused", async (time) => {
    await expect(costs({ startTime: time })).rejects.toMatchObject(refused("start_time", /is not a time/));
    await expect(costs({ endTime: time })).rejects.toMatchObject(refused("end_time", /is not a time/));
  });
});

// Mutant seen red: sums without a bound, on which every wire fails for everybody who may see them.
test("no figure of a provider's makes an answer that no wire can carry", async () => {
  const most = 2n ** 63n - 1n;
  for (const model of ["a", "b"])
    await ledger.settle(attemptRow({ tenant: "acme", key: "ci", model, costNanoUsd: most }));
  const answer = await costs({});
  expect(fromBinary(CostsResponseSchema, toBinary(CostsResponseSchema, answer))).toEqual(answer);
  expect(answer.total).toMatchObject({ attempts: 2n, costNanoUsd: most });
});

test("a dimension asked for twice is refused", async () => {
  const groupBy = [CostDimension.DAY, CostDimension.MODEL, CostDimension.DAY];
  await expect(costs({ groupBy })).rejects.toMatchObject(refused("group_by[2]", /DAY a second time/));
});

// Mutant seen red: the ledger is not told how many groups there may be.
test("more groups than may be found and sorted for a page are refused, and the way out is told", async () => {
  const small: LedgerStore = {
    ...ledger,
    costs: async (query) => ({
      ...(await ledger.costs(query)),
      ...((query.maxGroups ?? Number.POSITIVE_INFINITY) < 200_001 && { isTooLarge: true }),
    }),
  };
  const asked = testRouter(testState([]), { ledger: small }).costs(
    create(CostsRequestSchema, { groupBy: [CostDimension.MINUTE, CostDimension.END_USER] }),
    testContext({ principal: anyone }),
  );
  await expect(asked).rejects.toMatchObject(refused("group_by", /more than 200,000 groups; ask for a shorter window/));
});

describe("metadata", () => {
  const groupBy = [CostDimension.METADATA];

  test("that is declared is grouped and filtered by", async () => {
    await ledger.settle(attemptRow({ metadata: { team: "blue" } }));
    await ledger.settle(attemptRow({ metadata: { team: "red" } }));
    expect(await costs({ groupBy, metadataKey: "team", metadata: { team: "red" } })).toMatchObject({
      rows: [{ group: ["red"] }],
      total: { attempts: 1n },
    });
  });

  // Mutant seen red: a name that is not declared answers with one group of all there is.
  test("that is not declared, not named or of no use is refused", async () => {
    await expect(costs({ groupBy, metadataKey: "call" })).rejects.toMatchObject(
      refused("metadata_key", /is not declared/),
    );
    await expect(costs({ metadata: { call: "1" } })).rejects.toMatchObject(refused("metadata", /is not declared/));
    await expect(costs({ groupBy })).rejects.toMatchObject(refused("metadata_key", /must name/));
    await expect(costs({ metadataKey: "team" })).rejects.toMatchObject(refused("metadata_key", /has no use/));
  });

  // Mutant seen red: metadata is not in the page token's fingerprint.
  test("is the same on every page", async () => {
    for (const team of ["blue", "red"]) {
      await ledger.settle(attemptRow({ endedAtMs: noon - hour, model: team, metadata: { team } }));
      await ledger.settle(attemptRow({ endedAtMs: noon - hour, model: `${team}2`, metadata: { team } }));
    }
    const request = { groupBy: [CostDimension.MODEL], pageSize: 1, metadata: { team: "red" } };
    const { nextPageToken: pageToken } = await costs(request);
    await expect(costs({ ...request, pageToken })).resolves.toMatchObject({ rows: [{ group: ["red2"] }] });
    await expect(costs({ ...request, metadata: { team: "blue" }, pageToken })).rejects.toMatchObject(
      refused("page_token", /of another request/),
    );
  });
});

describe("pages", () => {
  const groupBy = [CostDimension.MODEL];
  beforeEach(async () => {
    for (let index = 0; index < 7; index += 1) {
      await ledger.settle(attemptRow({ endedAtMs: noon - hour, model: `m${index}`, costNanoUsd: BigInt(index) }));
    }
  });

  test("have every row once, in order, and the total of all", async () => {
    const models: (string | undefined)[] = [];
    let pageToken = "";
    do {
      const page = await costs({ groupBy, pageSize: 3, pageToken });
      models.push(...page.rows.map(({ group }) => group[0]));
      expect(page.total).toMatchObject({ attempts: 7n, costNanoUsd: 21n, group: [] });
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(models).toEqual(["m6", "m5", "m4", "m3", "m2", "m1", "m0"]);
  });

  // Mutant seen red: a bound of 1,024 characters, which a group of long ids passes.
  test("go on after the longest group there can be", async () => {
    const longest = ["😀", "\u0000", '"', "x"].map((character) => character.repeat(256));
    for (const endUserId of longest) {
      for (const model of longest) await ledger.settle(attemptRow({ endedAtMs: noon - hour, endUserId, model }));
    }
    const { TENANT, KEY, MODEL, END_USER } = CostDimension;
    const request = create(CostsRequestSchema, { groupBy: [TENANT, KEY, END_USER, MODEL], pageSize: 1 });
    let pages = 0;
    do {
      validateMessage(CostsRequestSchema, request);
      const { nextPageToken } = await costs(request);
      request.pageToken = nextPageToken;
      pages += 1;
    } while (request.pageToken !== "");
    expect(pages).toBe(23);
  });

  test("are of one window, although time goes on", async () => {
    const { nextPageToken } = await costs({ groupBy, pageSize: 3 });
    await ledger.settle(attemptRow({ endedAtMs: noon + hour, model: "late", costNanoUsd: 0n }));
    const { total } = await costs({ groupBy, pageToken: nextPageToken });
    expect(total?.attempts).toBe(7n);
  });

  test("are refused with the token of another request, key or service", async () => {
    const { nextPageToken: pageToken } = await costs({ groupBy, pageSize: 3 });
    expect(pageToken).not.toBe("");
    const other = refused("page_token", /of another request/);
    await expect(costs({ groupBy: [CostDimension.PERSONA], pageToken })).rejects.toMatchObject(other);
    await expect(costs({ groupBy, pageToken, model: "m1" })).rejects.toMatchObject(other);
    await expect(costs({ groupBy, pageToken, endTime: timestampFromMs(noon) })).rejects.toMatchObject(other);
    await expect(costs({ groupBy, pageToken }, { key: "app" })).rejects.toMatchObject(other);
    await expect(costs({ groupBy, pageToken, pageSize: 1 })).resolves.toMatchObject({ rows: [{ group: ["m3"] }] });
    for (const bad of [
      "x",
      "e30",
      "bnVsbA",
      Buffer.from('["a",1,2,"z",["m"]]').toString("base64url"),
      `${pageToken}A`.slice(1),
    ]) {
      await expect(costs({ groupBy, pageToken: bad })).rejects.toMatchObject(refused("page_token", /is not a token/));
    }
  });
});
