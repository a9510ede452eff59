import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createClient, Role as MessageRole, text } from "../../../src/client/index.ts";
import { testConfig } from "../../support/routing.ts";
import { type AdminGateway, adminClient, type Caller, failureOf, startAdminGateway } from "./rig.ts";

/** An end user by whose name a spreadsheet would run something, with all that CSV has to quote. */
const EVIL = '=cmd|"/c calc"!A1,\nx';

describe("GET /costs/export", () => {
  let gateway: AdminGateway;
  let directory: string;
  const CALLS: readonly (readonly [Caller, string])[] = [
    ["caller-t", "ann"],
    ["caller-t", EVIL],
    ["caller-t", "ann"],
    ["admin-u", "bob"],
  ];

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "export-"));
    gateway = await startAdminGateway({ ledger: { ...testConfig().ledger, store: "sqlite", directory } });
    for (const [apiKey, endUserId] of CALLS) {
      const client = createClient({ baseUrl: gateway.grpcUrl, apiKey });
      const messages = [{ role: MessageRole.USER, parts: [text("hi")] }];
      await client.chat({ messages, endUserId, metadata: { team: "x" } }).collect();
      client.close();
    }
  });
  afterAll(async () => {
    await gateway.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  const get = async (query: string, caller: Caller, method = "GET") => {
    const headers = { authorization: `Bearer ${caller}`, connection: "close" };
    const answer = await fetch(`${gateway.httpUrl}/v1/costs/export?${query}`, { method, headers });
    return { status: answer.status, type: answer.headers.get("content-type"), body: await answer.text() };
  };

  // Mutants seen red: cells that are not quoted; no apostrophe before a formula.
  test("gives groups as CSV that no spreadsheet takes for formulas", async () => {
    const { status, type, body } = await get("group_by=tenant,end_user", "viewer-t");
    expect({ status, type }).toEqual({ status: 200, type: "text/csv; charset=utf-8; header=present" });
    const heading =
      "tenant,end_user,calls,attempts,input_tokens,output_tokens,cache_read_tokens,reasoning_tokens,cost_usd,unpriced_attempts";
    const figures = (row: string) => row.replace(/,\d+,\d+,(\d+),(\d+),0/, ",N,N,$1,$2,0");
    expect(body.startsWith(`${heading}\r\n`)).toBe(true);
    expect(body.endsWith("\r\n")).toBe(true);
    expect(figures(body)).toContain(`t,"'=cmd|""/c calc""!A1,\nx",N,N,`);
    expect(body).toContain("\r\nt,ann,2,2,");
    expect(body).not.toContain("bob");
  });

  test("gives groups as JSON lines", async () => {
    const { type, body } = await get("group_by=end_user&format=jsonl", "platform");
    expect(type).toBe("application/jsonl");
    const lines = body
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.map(({ end_user, calls, cost_usd }) => [end_user, calls, cost_usd])).toEqual(
      expect.arrayContaining([
        ["ann", "2", "0"],
        [EVIL, "1", "0"],
        ["bob", "1", "0"],
      ]),
    );
  });

  // Mutants seen red: attempts without their filter; without their window.
  test("gives every attempt, in order, each once, of one's own scope", async () => {
    const { body } = await get("rows=attempts&format=jsonl", "viewer-t");
    const lines = body
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.map(({ key, end_user_id }) => [key, end_user_id])).toEqual([
      ["caller-t", "ann"],
      ["caller-t", EVIL],
      ["caller-t", "ann"],
    ]);
    expect(lines[0]).toMatchObject({
      attempt_id: expect.any(String),
      start_time: expect.stringMatching(/^\d{4}-.*Z$/),
      provider: "mock",
      outcome: "won",
      cost_usd: "0",
      metadata: '{"team":"x"}',
    });
    const csv = (await get("rows=attempts", "platform")).body;
    expect(csv.split("\r\n").filter((line) => line.includes(",mock,"))).toHaveLength(CALLS.length);
    expect((await get("rows=attempts&format=jsonl&start_time=2020-01-01&end_time=2020-01-02", "platform")).body).toBe(
      "",
    );
    expect((await get("rows=attempts&end_user_id=bob&format=jsonl", "platform")).body.split("\n")).toHaveLength(2);
  });

  test("has a head where there is nothing, and for HEAD alone", async () => {
    const nothing = await get("start_time=2020-01-01&end_time=2020-01-02&group_by=day", "platform");
    expect(nothing.body).toMatch(/^day,calls,.*\r\n$/);
    expect(await get("group_by=day", "platform", "HEAD")).toMatchObject({ status: 200, body: "" });
  });

  test.each([
    ["format=xlsx", "format"],
    ["rows=all", "rows"],
    ["page_size=5", "page_size"],
    ["group_by=colour", "costs.group_by[0]"],
    ["start_time=2026-02-30", "costs.start_time"],
    ["rows=attempts&group_by=day", "costs.group_by"],
    ["colour=red", "costs"],
  ])("refuses %s", async (query, field) => {
    const { status, body } = await get(query, "platform");
    expect({ status, fields: JSON.parse(body).fields }).toMatchObject({ status: 400 });
    expect(body).toContain(field);
  });

  test("refuses another tenant, and whoever has no key", async () => {
    expect((await get("tenant=u", "viewer-t")).status).toBe(403);
    expect((await fetch(`${gateway.httpUrl}/costs/export`)).status).toBe(401);
  });

  test("is an RPC too, typed", async () => {
    const { rpc, as } = adminClient(gateway.adminUrl, "platform");
    const attempts = [];
    for await (const part of rpc.exportCosts({ attempts: true }, as)) attempts.push(...part.attempts);
    expect(attempts.map(({ endUserId }) => endUserId)).toEqual(CALLS.map(([, endUser]) => endUser));
  });
});

test("a ledger in memory has groups to export, and no attempts", async () => {
  const gateway = await startAdminGateway();
  const { rpc, as } = adminClient(gateway.adminUrl, "platform");
  const read = async (attempts: boolean) => {
    for await (const _ of rpc.exportCosts({ attempts }, as));
  };
  expect(await failureOf(read(false))).toBe("nothing");
  expect(await failureOf(read(true))).toBe("12 UNIMPLEMENTED");
  await gateway.stop();
});
