import { create, fromJson, type JsonValue, toJson } from "@bufbuild/protobuf";
import { ConnectError, createClient as createRpcClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createClient, Role as MessageRole, text } from "../../src/client/index.ts";
import type { RunningGateway } from "../../src/gateway.ts";
import {
  type CostsRequest,
  CostsRequestSchema,
  type CostsResponse,
  CostsResponseSchema,
} from "../../src/gen/execution/v1/costs_pb.js";
import { ExecutionService } from "../../src/gen/execution/v1/execution_pb.js";
import { Role } from "../../src/gen/execution/v1/options_pb.js";
import { hashKey } from "../../src/server/auth.ts";
import { startTestGateway, testProvider } from "../support/gateway.ts";
import { API_KEYS } from "./cases.ts";
import { normalise } from "./outcome.ts";
import { connectFailure, problemOf } from "./wires.ts";

/** What a wire made of Costs: the response without its time, or the failure with its details. */
type Outcome = { readonly response: JsonValue } | { readonly failure: unknown };

interface CostsWire {
  readonly name: string;
  costs(request: CostsRequest, query: string, key: string): Promise<Outcome>;
}

function response({ asOf: _asOf, ...message }: CostsResponse): Outcome {
  return { response: toJson(CostsResponseSchema, message) };
}

function failure(read: Parameters<typeof normalise>[0]["failure"]): Outcome {
  const { code, message, details } = normalise({ events: [], failure: read }).failure ?? {};
  return { failure: { code, message, details } };
}

function connect(name: string, transport: Transport): CostsWire {
  const client = createRpcClient(ExecutionService, transport);
  const costs: CostsWire["costs"] = async (request, _query, key) => {
    try {
      return response(await client.costs(request, { headers: { authorization: `Bearer ${key}` } }));
    } catch (thrown) {
      return failure(connectFailure(ConnectError.from(thrown)));
    }
  };
  return { name, costs };
}

function rest(url: string): CostsWire {
  const costs: CostsWire["costs"] = async (_request, query, key) => {
    const headers = { authorization: `Bearer ${key}`, connection: "close" };
    const answer = await fetch(`${url}?${query}`, { headers });
    const body = (await answer.json()) as JsonValue;
    return answer.status === 200
      ? response(fromJson(CostsResponseSchema, body))
      : failure(problemOf(body as unknown as Parameters<typeof problemOf>[0]));
  };
  return { name: `GET ${new URL(url).pathname}`, costs };
}

// Mutants seen red: no handler; a scope that the wire, not the key, decides.
describe("one and the same Costs on every wire", () => {
  let gateway: RunningGateway;
  let wires: readonly CostsWire[];

  beforeAll(async () => {
    const key = (name: "caller" | "narrow" | "viewer", tenant: string, roles: readonly Role[]) => ({
      name,
      sha256: hashKey(API_KEYS[name]),
      tenant,
      roles,
      providerOptions: true,
    });
    const keys = [
      key("caller", "t", [Role.CALLER]),
      key("narrow", "u", [Role.CALLER]),
      key("viewer", "t", [Role.VIEWER]),
    ];
    gateway = await startTestGateway({ providers: [testProvider()], config: { keys } });
    for (const name of ["caller", "caller", "narrow"] as const) {
      const client = createClient({ baseUrl: gateway.grpcUrl, apiKey: API_KEYS[name] });
      await client.chat({ messages: [{ role: MessageRole.USER, parts: [text("hi")] }] }).collect();
      client.close();
    }
    const { grpcUrl, httpUrl: baseUrl } = gateway;
    const http = { baseUrl, httpVersion: "1.1", nodeOptions: { agent: false } } as const;
    wires = [
      connect("gRPC", createGrpcTransport({ baseUrl: grpcUrl })),
      connect("gRPC on the HTTP listener", createGrpcTransport({ baseUrl })),
      connect("Connect", createConnectTransport({ ...http, useBinaryFormat: true })),
      connect("Connect by GET", createConnectTransport({ ...http, useBinaryFormat: false, useHttpGet: true })),
      connect("gRPC-Web", createGrpcWebTransport(http)),
      rest(`${baseUrl}/costs`),
      rest(`${baseUrl}/v1/costs`),
    ];
  });
  afterAll(() => gateway.stop());

  const outcome = async (request: JsonValue, query: string, key: string): Promise<Outcome | undefined> => {
    const asked = create(CostsRequestSchema, fromJson(CostsRequestSchema, request));
    const all = await Promise.all(
      wires.map(async ({ name, costs }) => ({ name, outcome: await costs(asked, query, key) })),
    );
    for (const each of all) expect(each).toEqual({ name: each.name, outcome: all[0]?.outcome });
    return all[0]?.outcome;
  };

  test.each([
    ["caller", "2"],
    ["viewer", "2"],
    ["narrow", "1"],
  ] as const)("says to %s what it may see", async (name, calls) => {
    const request = { startTime: "2026-01-01T00:00:00Z", groupBy: ["COST_DIMENSION_TENANT", "COST_DIMENSION_MODEL"] };
    expect(await outcome(request, "start_time=2026-01-01&group_by=tenant,model", API_KEYS[name])).toMatchObject({
      response: {
        rows: [{ group: [name === "narrow" ? "u" : "t", "mock"], calls, attempts: calls }],
        total: { calls },
      },
    });
  });

  test.each([
    ["another tenant's", { tenant: "u" }, "tenant=u", "caller", "PERMISSION_DENIED", "SCOPE_DENIED"],
    ["another key's", { key: "viewer" }, "key=viewer", "caller", "PERMISSION_DENIED", "SCOPE_DENIED"],
    ["a page that is none", { pageToken: "x" }, "page_token=x", "caller", "INVALID_ARGUMENT", "INVALID_FIELD"],
    [
      "a window that ends before it starts",
      { startTime: "2026-02-01T00:00:00Z", endTime: "2026-01-01T00:00:00Z" },
      "start_time=2026-02-01&end_time=2026-01-01",
      "viewer",
      "INVALID_ARGUMENT",
      "INVALID_FIELD",
    ],
    ["a key that is none", {}, "", "wrong", "UNAUTHENTICATED", "AUTH_INVALID"],
  ] as const)("fails alike for %s", async (_, request, query, key, code, reason) => {
    expect(await outcome(request, query, API_KEYS[key])).toMatchObject({
      failure: { code, details: expect.arrayContaining([expect.objectContaining({ reason })]) },
    });
  });
});
