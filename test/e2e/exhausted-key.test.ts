import {
  create,
  type DescMethod,
  type DescMethodStreaming,
  type DescMethodUnary,
  fromJson,
  isMessage,
  type JsonObject,
  type JsonValue,
  type Message,
} from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createClient, Role as MessageRole, text } from "../../src/client/index.ts";
import { CreateBudgetResponseSchema } from "../../src/gen/execution/v1/budgets_pb.js";
import { Role } from "../../src/gen/execution/v1/options_pb.js";
import { ErrorInfoSchema } from "../../src/gen/google/rpc/error_details_pb.js";
import type { Limit } from "../../src/limit.ts";
import { accessOf } from "../../src/server/access.ts";
import { hashKey } from "../../src/server/auth.ts";
import type { Dispatcher } from "../../src/server/dispatcher.ts";
import { transportLimits } from "../../src/server/http/limits.ts";
import { createRefusals } from "../../src/server/http/refusals.ts";
import { labelOf, type Route } from "../../src/server/http/routes.ts";
import { ADMIN_SURFACE, PUBLIC_SURFACE, type Surface } from "../../src/server/http/surface.ts";
import { testConfig } from "../support/routing.ts";
import { type AdminGateway, startAdminGateway } from "./admin/rig.ts";

const roles = Object.values(Role).filter((role): role is Role => typeof role === "number" && role !== Role.UNSPECIFIED);
const key = { name: "k", sha256: hashKey("secret"), tenant: "t", roles, providerOptions: true };
const headers = { authorization: "Bearer secret" };
/** One call, which a first one uses up. */
const once: Limit = { scope: "key", value: "k", window: "total", unit: "requests", amount: 1n, mode: "hard" };

const question = { messages: [{ role: "MESSAGE_ROLE_USER", parts: [{ text: { text: "hi" } }] }] };
const ofTenant = { scope: "BUDGET_SCOPE_TENANT", window: "BUDGET_WINDOW_DAY", unit: "BUDGET_UNIT_USD", amount: "5" };

/** What was made before: a stream of the call that used up the budget, and the budget that CreateBudget made. */
interface Made {
  readonly streamId: string;
  readonly resumeToken: string;
  budgetId: string;
}

/** A request of each RPC, in the order in which they can be made. One that is not here has to be added, or it is not shown to be denied or answered. */
const REQUESTS: Readonly<Record<string, (made: Made) => JsonObject>> = {
  Chat: () => question,
  Embed: () => ({ model: "m", inputs: ["hi"] }),
  CountTokens: () => ({ request: question }),
  Capabilities: () => ({}),
  Costs: () => ({}),
  Plan: () => ({ request: question }),
  GetStream: ({ streamId }) => ({ streamId }),
  Resume: ({ resumeToken }) => ({ resumeToken }),
  Cancel: ({ streamId }) => ({ streamId }),
  ListBudgets: () => ({}),
  WatchBudgets: () => ({}),
  WatchCosts: () => ({}),
  ExportCosts: () => ({}),
  CreateBudget: () => ({ budget: ofTenant }),
  GetBudget: ({ budgetId }) => ({ budgetId }),
  UpdateBudget: ({ budgetId }) => ({ budget: { ...ofTenant, budgetId, version: "1" } }),
  DeleteBudget: ({ budgetId }) => ({ budgetId, version: "2" }),
};

/** RPCs that are not served yet: they answer UNIMPLEMENTED, whoever asks. */
const NOT_SERVED: ReadonlySet<string> = new Set(["Embed", "CountTokens"]);

/** Bodies of the routes that take one, by method and path. */
const BODIES: Readonly<Record<string, JsonObject>> = {
  "POST /chat": question,
  "POST /plan": question,
  "POST /budgets": ofTenant,
  "PATCH /budgets/{id}": { ...ofTenant, version: "1" },
};

const SURFACES: readonly (readonly [string, Surface])[] = [
  ["public", PUBLIC_SURFACE],
  ["admin", ADMIN_SURFACE],
];

/** The routes of a listener, in the order in which they can be called. */
function routesOf(surface: Surface): readonly Route[] {
  const limits = transportLimits(testConfig().limits);
  return surface.routes({} as Dispatcher, limits, createRefusals({} as Dispatcher, limits));
}

/** The wires of RPCs at one listener. */
function transports(httpUrl: string, grpcUrl = httpUrl): readonly (readonly [string, Transport])[] {
  const http1 = { baseUrl: httpUrl, httpVersion: "1.1", nodeOptions: { agent: false } } as const;
  return [
    ["gRPC", createGrpcTransport({ baseUrl: grpcUrl })],
    ["gRPC on the HTTP listener", createGrpcTransport({ baseUrl: httpUrl })],
    ["Connect", createConnectTransport({ ...http1, useBinaryFormat: true })],
    ["Connect in JSON", createConnectTransport({ ...http1, useBinaryFormat: false })],
    ["gRPC-Web", createGrpcWebTransport(http1)],
  ];
}

/** Calls an RPC until its first response, and says how that went: `answered`, or the code and reason of its error. */
async function callRpc(transport: Transport, method: DescMethod, request: JsonValue, made: Made): Promise<string> {
  const leave = new AbortController();
  try {
    const message = create(method.input, fromJson(method.input, request));
    const first = await firstOf(transport, method, message, leave.signal);
    if (isMessage(first, CreateBudgetResponseSchema)) made.budgetId = first.budget?.budgetId ?? "";
    return "answered";
  } catch (thrown) {
    const error = ConnectError.from(thrown);
    return `${Code[error.code]} ${error.findDetails(ErrorInfoSchema)[0]?.reason}`;
  } finally {
    leave.abort();
  }
}

async function firstOf(
  transport: Transport,
  method: DescMethod,
  message: Message,
  signal: AbortSignal,
): Promise<Message | undefined> {
  if (method.methodKind === "unary") {
    return (await transport.unary(method as DescMethodUnary, signal, undefined, headers, message)).message;
  }
  if (method.methodKind !== "server_streaming") throw new Error(`${method.name} takes a stream`);
  const requests = (async function* () {
    yield message;
  })();
  for await (const response of (
    await transport.stream(method as DescMethodStreaming, signal, undefined, headers, requests)
  ).message) {
    return response;
  }
  return undefined;
}

describe("a key that has used up its budget", () => {
  let gateway: AdminGateway;
  let made: Made;

  beforeAll(async () => {
    gateway = await startAdminGateway({ keys: [key], budgets: [once] });
    const client = createClient({ baseUrl: gateway.grpcUrl, apiKey: "secret" });
    for await (const { event } of client.chat({ messages: [{ role: MessageRole.USER, parts: [text("hi")] }] })) {
      if (event.case === "started") made = { ...event.value, budgetId: "" };
    }
    client.close();
  });
  afterAll(() => gateway.stop());

  /** That of HTTP, and that of gRPC where it is another one. */
  const listenersOf = (surface: string): readonly [string, string?] =>
    surface === "admin" ? [gateway.adminUrl] : [gateway.httpUrl, gateway.grpcUrl];
  const request = (path: string, method: string, body: JsonValue | undefined) =>
    fetch(path, {
      method,
      headers: { ...headers, connection: "close", ...(body !== undefined && { "content-type": "application/json" }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });

  // Mutants seen red: a router without the stage; Resume labelled as one that spends.
  test.each(SURFACES)(
    "is denied by every RPC that spends, and answered by every other one (%s)",
    async (name, surface) => {
      const methods = new Map(surface.services.flatMap((service) => service.methods).map((rpc) => [rpc.name, rpc]));
      const requests = Object.entries(REQUESTS).filter(([rpc]) => methods.has(rpc));
      expect(requests.map(([rpc]) => rpc).sort()).toEqual([...methods.keys()].sort());
      for (const [wire, transport] of transports(...listenersOf(name))) {
        for (const [rpc, requestOf] of requests) {
          const method = methods.get(rpc);
          if (method === undefined) throw new Error(`no ${rpc}`);
          const ofServed = accessOf(method).spends ? "ResourceExhausted BUDGET_EXCEEDED" : "answered";
          const expected = NOT_SERVED.has(rpc) ? "Unimplemented UNIMPLEMENTED" : ofServed;
          expect([wire, rpc, await callRpc(transport, method, requestOf(made), made)]).toEqual([wire, rpc, expected]);
        }
      }
    },
  );

  const callRoute = async (baseUrl: string, { method, path }: Route): Promise<string> => {
    const id = path.startsWith("/streams") ? made.streamId : made.budgetId;
    const query = method === "DELETE" ? "?version=2" : "";
    const called = `${method} ${path}`;
    const answer = await request(`${baseUrl}${path.replace("{id}", id)}${query}`, method, BODIES[called]);
    const read = await answer.text();
    if (answer.status !== 200) {
      const { reason, retryable, partial } = JSON.parse(read);
      return `${answer.status} ${reason}, retryable ${retryable}, partial ${partial}`;
    }
    if (called === "POST /budgets") made.budgetId = JSON.parse(read).budget.budgetId;
    return "answered";
  };

  // Mutants seen red: as above.
  test.each(SURFACES)(
    "is denied by every route that spends, and answered by every other one (%s)",
    async (name, surface) => {
      const [listener] = listenersOf(name);
      for (const baseUrl of [listener, `${listener}/v1`]) {
        for (const route of routesOf(surface)) {
          const { spends } = labelOf(route.access, route.path);
          const expected = spends ? "429 BUDGET_EXCEEDED, retryable false, partial false" : "answered";
          const called = [baseUrl, route.method, route.path];
          expect([...called, await callRoute(baseUrl, route)]).toEqual([...called, expected]);
        }
      }
    },
  );

  test("gets nowhere by another persona, provider, model, end user or spelling of its request", async () => {
    const ways: readonly JsonObject[] = [
      { persona: "default" },
      { provider: "mock", model: "other" },
      { model: "mock/other" },
      { endUserId: "somebody" },
      { idempotencyKey: "again" },
      { fallbackPolicy: "FALLBACK_POLICY_DENY" },
    ];
    for (const way of ways) {
      const answer = await request(`${gateway.httpUrl}/chat`, "POST", { ...question, ...way });
      expect([way, answer.status, ((await answer.json()) as { reason: string }).reason]).toEqual([
        way,
        429,
        "BUDGET_EXCEEDED",
      ]);
    }
  });
});
