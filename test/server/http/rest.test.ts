import { fromJson, type JsonValue, toJson } from "@bufbuild/protobuf";
import { cors } from "@connectrpc/connect";
import { describe, expect, test } from "@jest/globals";
import { CapabilitiesResponseSchema } from "../../../src/gen/execution/v1/capabilities_pb.js";
import { ExecutionService } from "../../../src/gen/execution/v1/execution_pb.js";
import { Role } from "../../../src/gen/execution/v1/options_pb.js";
import { hashKey } from "../../../src/server/auth.ts";
import type { Dispatcher } from "../../../src/server/dispatcher.ts";
import { ALLOWED_HEADERS, EXPOSED_HEADERS } from "../../../src/server/http/cors.ts";
import { transportLimits } from "../../../src/server/http/limits.ts";
import { createRefusals } from "../../../src/server/http/refusals.ts";
import { createRestRoutes } from "../../../src/server/http/rest.ts";
import { createRouteTable, labelOf, type Route } from "../../../src/server/http/routes.ts";
import { testConfig } from "../../support/routing.ts";
import { plain, post, send, sendBytes, withListener } from "./setup.ts";

const KEY = { name: "k", sha256: hashKey("right"), tenant: "t", roles: [Role.CALLER], providerOptions: true };
const AUTHORIZED = { authorization: "Bearer right" };

describe("access", () => {
  const limits = transportLimits(testConfig().limits);
  const routes = createRestRoutes({} as Dispatcher, limits, createRefusals({} as Dispatcher, limits));

  test("of every route is labelled with roles and whether it spends; what is open says why", () => {
    const labels = routes.map(({ path, access }) => [path, labelOf(access, path)] as const);
    const viewers = [Role.CALLER, Role.VIEWER, Role.TENANT_ADMIN, Role.PLATFORM_ADMIN];
    expect(labels).toEqual([
      ["/health", { open: true, roles: [], spends: false }],
      ["/health/providers", { open: false, roles: viewers, spends: false }],
      ["/capabilities", { open: false, roles: viewers, spends: false }],
      ["/costs", { open: false, roles: viewers, spends: false }],
      ["/costs/export", { open: false, roles: viewers, spends: false }],
      ["/plan", { open: false, roles: [Role.CALLER], spends: false }],
      ["/streams/{id}", { open: false, roles: [Role.CALLER], spends: false }],
      ["/streams/{id}/events", { open: false, roles: [Role.CALLER], spends: false }],
      ["/streams/{id}/cancel", { open: false, roles: [Role.CALLER], spends: false }],
      ["/chat", { open: false, roles: [Role.CALLER], spends: true }],
    ]);
  });

  // Mutant seen red: createRouteTable without its check.
  test("of a route without a label fails the table", () => {
    const [route] = routes;
    if (route === undefined) throw new Error("no route");
    const unlabelled = {
      ...ExecutionService.method.chat,
      proto: { ...ExecutionService.method.chat.proto, options: undefined },
    };
    const bad: Route[] = [
      { ...route, access: { open: " " } },
      { ...route, access: { rpc: unlabelled as unknown as typeof ExecutionService.method.chat } },
    ];
    for (const each of bad) expect(() => createRouteTable([each])).toThrow(/label|reason/);
  });

  // Mutant seen red: a dispatcher whose authentication answers everybody.
  test("needs a key everywhere but at /health, once there are keys", async () => {
    await withListener({ config: { keys: [KEY] } }, async ({ port }) => {
      for (const { path: pattern, method, access } of routes) {
        const path = pattern.replace("{id}", "stream_1");
        const sent = {
          method,
          headers: { "content-type": "application/json" },
          ...(method === "POST" && { body: "{}" }),
        };
        const { status, headers } = await send(port, path, sent);
        const expected = "open" in access ? 200 : 401;
        expect({ path, status, challenge: headers["www-authenticate"] }).toEqual({
          path,
          status: expected,
          challenge: expected === 401 ? "Bearer" : undefined,
        });
      }
      const { status } = await send(port, "/capabilities", { headers: AUTHORIZED });
      expect(status).toBe(200);
    });
  });
});

describe("the routes", () => {
  test("are served under /v1 too, and their paths are exact", async () => {
    await withListener({}, async ({ port }) => {
      for (const path of [
        "/health",
        "/v1/health",
        "/health/providers",
        "/v1/health/providers",
        "/capabilities",
        "/v1/capabilities",
      ]) {
        expect({ path, status: (await send(port, path)).status }).toEqual({ path, status: 200 });
      }
      for (const path of [
        "/",
        "/v2/health",
        "/health/",
        "//health",
        "/HEALTH",
        "/v1/v1/health",
        "/../health",
        "/streams/{id}",
        "/streams/a/b",
        "/streams/a.b",
        "/streams//events",
        "/%68ealth",
        "*",
        "http://x/health",
      ]) {
        const { status, json, headers } = await send(port, path);
        expect({ path, status, type: headers["content-type"] }).toEqual({
          path,
          status: 404,
          type: "application/problem+json",
        });
        expect(json()).toMatchObject({ reason: "ROUTE_NOT_FOUND", code: "NOT_FOUND", status: 404 });
      }
    });
  });

  // Mutant seen red: models shown that `Capabilities` does not show, whose names may be another caller's.
  test("say how calls to providers went, of models that the key knows", async () => {
    await withListener({}, async ({ port }) => {
      const health = async () => (await send(port, "/health/providers")).json();
      const mock = { provider: "mock", kind: "mock", spends: false };
      expect(await health()).toMatchObject({ providers: [{ ...mock, state: "unknown", models: [] }] });
      const messages = [{ role: "user", content: "hi" }];
      await post(port, "/v1/chat", { messages });
      await post(port, "/v1/chat", { messages, model: "a-word-of-my-own" });
      expect(await health()).toMatchObject({
        providers: [{ ...mock, state: "up", models: [{ model: "mock", state: "closed" }] }],
      });
    });
  });

  test("/capabilities takes the fields of its request as parameters, once each, and answers in ProtoJSON", async () => {
    await withListener({}, async ({ port }) => {
      const { json } = await send(port, "/capabilities?provider=mock&model=mock-text");
      const read = json();
      expect(read).toMatchObject({ providers: [{ provider: "mock", models: [{ model: "mock-text" }] }] });
      expect(toJson(CapabilitiesResponseSchema, fromJson(CapabilitiesResponseSchema, read as JsonValue))).toEqual(read);
      for (const query of ["?colour=red", "?model=a&model=b", "?__proto__=x"]) {
        const { status, json: problem } = await send(port, `/capabilities${query}`);
        expect({ query, status, reason: problem().reason }).toEqual({ query, status: 400, reason: "INVALID_FIELD" });
      }
      const { status, json: problem } = await send(port, "/capabilities?provider=nobody");
      expect({ status, reason: problem().reason }).toEqual({ status: 404, reason: "PROVIDER_NOT_FOUND" });
    });
  });

  // Mutants seen red: a list whose last parameter wins; a day that is refused as no time; sums of 0 left out.
  test("/costs says what was used and what it cost, and takes names, lists and days as people write them", async () => {
    await withListener({}, async ({ port }) => {
      await post(port, "/v1/chat", { messages: [{ role: "user", content: "hi" }] });
      // The day at which the test router's clock stands.
      const today = "2026-11-26";
      for (const query of [
        "?group_by=day,model&provider=mock",
        "?groupBy=DAY&groupBy=COST_DIMENSION_MODEL",
        `?group_by=Day&group_by=model&start_time=${today}`,
        `?group_by=day,model,&start_time=${today}T00:00:00Z&pageSize=10`,
      ]) {
        const { status, json } = await send(port, `/costs${query}`);
        expect({ query, status, body: json() }).toMatchObject({
          query,
          status: 200,
          body: {
            rows: [{ group: [today, "mock"], calls: "1", attempts: "1", costNanoUsd: "0", unpricedAttempts: "0" }],
            total: { group: [], attempts: "1" },
            nextPageToken: "",
          },
        });
      }
      const { json } = await send(port, "/v1/costs?model=other");
      expect(json()).toMatchObject({ rows: [], total: { attempts: "0" } });
    });
  });

  test("/costs refuses what it does not know, by name", async () => {
    await withListener({}, async ({ port }) => {
      for (const [query, field] of [
        ["?group_by=colour", undefined],
        ["?group_by=day,day", "group_by[1]"],
        ["?group_by=day,hour,minute,month,model", "group_by"],
        ["?group_by=unspecified", "group_by[0]"],
        ["?start_time=yesterday", undefined],
        ["?start_time=2026-02-30", "start_time"],
        ["?endTime=2026-02-29T10:00:00Z", "end_time"],
        ["?start_time=2026-11-26&start_time=2026-11-25", "start_time"],
        ["?start_time=2026-11-26&startTime=2026-11-25", "startTime"],
        ["?start_time=2026-11-26&end_time=2026-11-25", "start_time"],
        ["?page_token=x", "page_token"],
        ["?page_size=0", "page_size"],
        ["?page_size=many", undefined],
        ["?since=24h", undefined],
      ] as const) {
        const { status, json } = await send(port, `/costs${query}`);
        expect({ query, status, reason: json().reason }).toEqual({ query, status: 400, reason: "INVALID_FIELD" });
        if (field !== undefined) expect(JSON.stringify(json())).toContain(`"field":"${field}"`);
      }
      const { status, json } = await send(port, "/costs?tenant=other");
      expect({ status, reason: json().reason }).toEqual({ status: 403, reason: "SCOPE_DENIED" });
    });
  });

  test("refuse other methods with Allow, and answer HEAD and OPTIONS", async () => {
    await withListener({}, async ({ port }) => {
      for (const [path, method, allow] of [
        ["/chat", "GET", "POST"],
        ["/health", "POST", "GET, HEAD"],
        ["/capabilities", "DELETE", "GET, HEAD"],
        ["/execution.v1.ExecutionService/Chat", "PUT", "POST"],
      ] as const) {
        const { status, headers, json } = await send(port, path, { method });
        expect({ path, status, allow: headers.allow, reason: json().reason }).toEqual({
          path,
          status: 405,
          allow,
          reason: "ROUTE_NOT_FOUND",
        });
      }
      const head = await send(port, "/health", { method: "HEAD" });
      expect({ status: head.status, text: head.text, length: head.headers["content-length"] }).toEqual({
        status: 200,
        text: "",
        length: "21",
      });
      const options = await send(port, "/chat", { method: "OPTIONS" });
      expect({ status: options.status, allow: options.headers.allow }).toEqual({ status: 204, allow: "POST, OPTIONS" });
      expect(options.headers).not.toHaveProperty("access-control-allow-origin");
    });
  });

  test("take JSON only where they take anything", async () => {
    await withListener({}, async ({ port }) => {
      for (const type of [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonp",
        "application/json; charset=utf-16",
        "",
      ]) {
        const { status, headers, json } = await post(port, "/chat", plain(), { "content-type": type });
        expect((await post(port, "/plan", plain(), { "content-type": type })).status).toBe(415);
        expect({ type, status, accepts: headers["accept-post"], reason: json().reason }).toEqual({
          type,
          status: 415,
          accepts: "application/json",
          reason: "INVALID_FIELD",
        });
      }
      const rpc = await post(port, "/execution.v1.ExecutionService/Chat", plain(), {
        "content-type": "application/json",
      });
      expect({ status: rpc.status, accepts: rpc.headers["accept-post"] }).toEqual({
        status: 415,
        accepts: [
          "application/connect+proto, application/connect+json",
          "application/grpc+proto, application/grpc+json",
          "application/grpc-web+proto, application/grpc-web+json",
        ].join(", "),
      });
      const text = await post(port, "/execution.v1.ExecutionService/Chat", "AAAAAAA=", {
        "content-type": "application/grpc-web-text",
      });
      expect(text.status).toBe(415);
    });
  });

  test("say nothing twice: no cache, no sniffing, a request id on every answer of a call", async () => {
    await withListener({}, async ({ port }) => {
      const answers = [
        await send(port, "/capabilities"),
        await send(port, "/nope"),
        await post(port, "/chat", plain()),
        await post(port, "/chat", "{"),
      ];
      for (const { headers } of answers) {
        expect(headers).toMatchObject({ "cache-control": "no-store", "x-content-type-options": "nosniff" });
        expect(headers["x-request-id"]).toMatch(/^req_/);
        expect(headers).not.toHaveProperty("server");
        expect(headers).not.toHaveProperty("x-powered-by");
      }
      const [, , , failed] = answers;
      expect(failed?.json().request_id).toBe(failed?.headers["x-request-id"]);
    });
  });
});

describe("web pages", () => {
  const allowed = { config: { allowedOrigins: ["https://app.example"] } };
  const preflight = (origin: string) => ({
    method: "OPTIONS",
    headers: {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": "content-type, connect-protocol-version",
    },
  });

  test("of an allowed origin may call; the preflight names methods and headers, and never credentials", async () => {
    await withListener(allowed, async ({ port }) => {
      for (const [path, methods] of [
        ["/v1/chat", "POST"],
        ["/execution.v1.ExecutionService/Chat", "POST"],
        ["/execution.v1.ExecutionService/Capabilities", "POST, GET"],
      ] as const) {
        const { status, headers } = await send(port, path, preflight("https://app.example"));
        expect(status).toBe(204);
        expect(headers).toMatchObject({
          "access-control-allow-origin": "https://app.example",
          "access-control-allow-methods": methods,
          "access-control-allow-headers": ALLOWED_HEADERS.join(", "),
          "access-control-max-age": "7200",
          vary: "origin",
        });
        expect(headers).not.toHaveProperty("access-control-allow-credentials");
      }
      const { headers, status } = await post(port, "/chat", plain(), { origin: "https://app.example" });
      expect({ status, origin: headers["access-control-allow-origin"] }).toEqual({
        status: 200,
        origin: "https://app.example",
      });
      expect(headers["access-control-expose-headers"]).toContain("grpc-status");
    });
  });

  // Mutants seen red: reflecting any origin; the guard left out of OPTIONS.
  test.each([
    "https://evil.example",
    "null",
    "https://app.example.evil.example",
    "http://app.example",
    "https://APP.example",
    "*",
    "",
  ])("of the origin %p may not", async (origin) => {
    await withListener(allowed, async ({ port }) => {
      for (const answer of [
        await send(port, "/chat", preflight(origin)),
        await post(port, "/chat", plain(), { origin }),
        await send(port, "/health", { headers: { origin } }),
        await post(port, "/grpc.health.v1.Health/Check", "{}", { origin }),
      ]) {
        expect({ status: answer.status, allow: answer.headers["access-control-allow-origin"] }).toEqual({
          status: 403,
          allow: undefined,
        });
      }
    });
  });

  // Mutant seen red: guard.check without the host.
  test.each([
    "evil.example",
    "evil.example:80",
    "127.0.0.1.evil.example",
    "localhost@evil.example",
    "localhost.",
    "[::1",
    "0.0.0.0",
    "foo bar",
  ])("under the host name %p are not answered, whatever the origin (DNS rebinding)", async (host) => {
    await withListener({}, async ({ port }) => {
      for (const path of [
        "/health",
        "/capabilities",
        "/execution.v1.ExecutionService/Capabilities?encoding=json&message={}",
        "/nope",
      ]) {
        for (const origin of [{}, { origin: `http://${host}` }]) {
          const { status } = await send(port, path, { headers: { host, ...origin } });
          expect({ path, refused: status === 403 || status === 400 }).toEqual({ path, refused: true });
        }
      }
    });
  });

  test("under an empty host name are not answered either", async () => {
    await withListener({}, async ({ port }) => {
      const answer = await sendBytes(port, "GET /health HTTP/1.1\r\nhost: \r\nconnection: close\r\n\r\n");
      expect(answer).toMatch(/^HTTP\/1\.1 403 /);
    });
  });

  test("may send and read the headers Connect needs", () => {
    const lower = (names: readonly string[]) => names.map((name) => name.toLowerCase());
    expect(lower(ALLOWED_HEADERS)).toEqual(expect.arrayContaining(lower(cors.allowedHeaders)));
    expect(lower(EXPOSED_HEADERS)).toEqual(expect.arrayContaining(lower(cors.exposedHeaders)));
  });
});
