import { create, fromBinary, fromJson, type JsonValue, toBinary, toJson, toJsonString } from "@bufbuild/protobuf";
import { ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { RunningGateway } from "../../src/gateway.ts";
import { ChatRequestSchema } from "../../src/gen/execution/v1/chat_pb.js";
import { ExecutionService } from "../../src/gen/execution/v1/execution_pb.js";
import { Role } from "../../src/gen/execution/v1/options_pb.js";
import {
  type PlanRequest,
  PlanRequestSchema,
  type PlanResponse,
  PlanResponseSchema,
} from "../../src/gen/execution/v1/plan_pb.js";
import { hashKey } from "../../src/server/auth.ts";
import { startTestGateway, testProvider } from "../support/gateway.ts";
import { API_KEYS } from "./cases.ts";
import { normalise } from "./outcome.ts";
import { connectFailure, grpcFailure, problemOf } from "./wires.ts";

/** What a wire made of a Plan: the response, or the failure with its details, without what differs between two runs. */
type Outcome = { readonly response: JsonValue } | { readonly failure: JsonValue };

interface PlanWire {
  readonly name: string;
  plan(request: PlanRequest, key: string): Promise<Outcome>;
}

const response = (message: PlanResponse): Outcome => ({ response: toJson(PlanResponseSchema, message) });

const failure = (read: Parameters<typeof normalise>[0]["failure"]): Outcome => {
  const { code, message, details } = normalise({ events: [], failure: read }).failure ?? {};
  return { failure: { code: code ?? "", message: message ?? "", details: [...(details ?? [])] } };
};

function grpcJs(client: Client): PlanWire {
  const plan: PlanWire["plan"] = (request, key) => {
    const metadata = new Metadata();
    metadata.set("authorization", `Bearer ${key}`);
    return new Promise((resolve) => {
      client.makeUnaryRequest(
        `/${ExecutionService.typeName}/Plan`,
        (message: PlanRequest) => Buffer.from(toBinary(PlanRequestSchema, message)),
        (bytes) => fromBinary(PlanResponseSchema, bytes),
        request,
        metadata,
        (error: ServiceError | null, answer) =>
          resolve(
            error === null && answer !== undefined
              ? response(answer)
              : failure(error === null ? undefined : grpcFailure(error)),
          ),
      );
    });
  };
  return { name: "gRPC by grpc-js", plan };
}

function connect(name: string, transport: Transport): PlanWire {
  const client = createClient(ExecutionService, transport);
  const plan: PlanWire["plan"] = async (request, key) => {
    try {
      return response(await client.plan(request, { headers: { authorization: `Bearer ${key}` } }));
    } catch (thrown) {
      return failure(connectFailure(ConnectError.from(thrown)));
    }
  };
  return { name, plan };
}

function rest(url: string, bodyOf: (request: PlanRequest) => string): PlanWire {
  const plan: PlanWire["plan"] = async (request, key) => {
    const headers = { "content-type": "application/json", authorization: `Bearer ${key}`, connection: "close" };
    const answer = await fetch(url, { method: "POST", headers, body: bodyOf(request) });
    const body = (await answer.json()) as JsonValue;
    return answer.status === 200
      ? response(fromJson(PlanResponseSchema, body))
      : failure(problemOf(body as unknown as Parameters<typeof problemOf>[0]));
  };
  return { name: `POST ${new URL(url).pathname} with ${bodyOf.name}`, plan };
}

const aPlanRequest = (request: PlanRequest): string => toJsonString(PlanRequestSchema, request);
const aChatRequest = ({ request }: PlanRequest): string =>
  toJsonString(ChatRequestSchema, request ?? create(ChatRequestSchema));

const request = (chat: { readonly [key: string]: JsonValue } = {}): PlanRequest =>
  create(PlanRequestSchema, {
    request: fromJson(ChatRequestSchema, {
      messages: [{ role: "MESSAGE_ROLE_USER", parts: [{ text: { text: "hi" } }] }],
      ...chat,
    }),
  });

describe("one and the same Plan on every wire", () => {
  let gateway: RunningGateway;
  let client: Client;
  let wires: readonly PlanWire[];

  beforeAll(async () => {
    const key = (name: "caller" | "viewer", roles: readonly Role[]) => ({
      name,
      sha256: hashKey(API_KEYS[name]),
      tenant: "t",
      roles,
      providerOptions: true,
    });
    const candidates = [{ provider: "mock", model: "mock-text" }, { provider: "mock" }];
    const persona = { name: "default", system: "Be brief.", requires: [], candidates, maxToolTier: 3 as const };
    gateway = await startTestGateway({
      providers: [testProvider()],
      config: { keys: [key("caller", [Role.CALLER]), key("viewer", [Role.VIEWER])], personas: { default: persona } },
    });
    const { grpcUrl, httpUrl: baseUrl } = gateway;
    client = new Client(new URL(grpcUrl).host, credentials.createInsecure(), { "grpc.enable_retries": 0 });
    const nodeOptions = { agent: false } as const;
    wires = [
      grpcJs(client),
      connect("gRPC on the HTTP listener", createGrpcTransport({ baseUrl })),
      connect("Connect", createConnectTransport({ baseUrl, httpVersion: "1.1", nodeOptions, useBinaryFormat: true })),
      connect(
        "Connect in JSON",
        createConnectTransport({ baseUrl, httpVersion: "1.1", nodeOptions, useBinaryFormat: false }),
      ),
      connect("gRPC-Web", createGrpcWebTransport({ baseUrl, httpVersion: "1.1", nodeOptions })),
      rest(`${baseUrl}/plan`, aPlanRequest),
      rest(`${baseUrl}/v1/plan`, aChatRequest),
    ];
  });

  afterAll(async () => {
    client.close();
    await gateway.stop();
  });

  const outcomes = async (asked: PlanRequest, key: string) =>
    Promise.all(wires.map(async ({ name, plan }) => ({ name, outcome: await plan(asked, key) })));

  // Mutants seen red: no handler; a bare ChatRequest read as a PlanRequest; a field that REST alone leaves out.
  test("answers who would serve a request and who not", async () => {
    const tools = [{ name: "look_up", parametersJson: "{}" }];
    const all = await outcomes(request({ tools, sampling: { temperature: 0.5 } }), API_KEYS.caller);
    for (const { name, outcome } of all) expect({ name, outcome }).toEqual({ name, outcome: all[0]?.outcome });
    expect(all[0]?.outcome).toMatchObject({
      response: {
        persona: "default",
        candidates: [
          {
            candidate: { provider: "mock", kind: "mock", model: "mock-text" },
            reasons: [{ reason: "CAPABILITY_MISSING" }],
          },
          { candidate: { model: "mock" }, kept: true, toolTier: 1, expectedCostNanoUsd: "0", worstCostNanoUsd: "0" },
        ],
        values: expect.arrayContaining([
          { path: "sampling.temperature", valueJson: "0.5", origin: "request" },
          expect.objectContaining({ path: "system", valueJson: '"[hidden]"' }),
        ]),
        priceVersion: expect.stringMatching(/^[0-9a-f]+$/),
      },
    });
  });

  test.each([
    ["an unknown persona", request({ persona: "nobody" }), API_KEYS.caller, "NOT_FOUND", "PERSONA_NOT_FOUND"],
    [
      "a field that is wrong",
      request({ sampling: { temperature: 3 } }),
      API_KEYS.caller,
      "INVALID_ARGUMENT",
      "INVALID_FIELD",
    ],
    ["no messages", request({ messages: [] }), API_KEYS.caller, "INVALID_ARGUMENT", "INVALID_FIELD"],
    ["a key without the role", request(), API_KEYS.viewer, "PERMISSION_DENIED", "SCOPE_DENIED"],
    ["a wrong key", request(), API_KEYS.wrong, "UNAUTHENTICATED", "AUTH_INVALID"],
  ])("fails alike for %s", async (_, asked, key, code, reason) => {
    const all = await outcomes(asked, key);
    for (const { name, outcome } of all) expect({ name, outcome }).toEqual({ name, outcome: all[0]?.outcome });
    expect(all[0]?.outcome).toMatchObject({
      failure: { code, details: expect.arrayContaining([expect.objectContaining({ reason })]) },
    });
  });

  test("is no failure where no candidate can serve: none is kept", async () => {
    const asked = request({ provider: "mock", model: "mock-text", requiredCapabilities: ["CAPABILITY_TOOLS"] });
    for (const { name, outcome } of await outcomes(asked, API_KEYS.caller)) {
      expect({ name, outcome }).toMatchObject({
        outcome: { response: { candidates: [{ reasons: [{ reason: "CAPABILITY_MISSING" }] }] } },
      });
      expect(JSON.stringify(outcome)).not.toContain('"kept"');
    }
  });
});
