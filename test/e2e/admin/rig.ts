import { create, type DescMethodUnary, fromJson, type JsonValue, type MessageShape, toJson } from "@bufbuild/protobuf";
import { ConnectError, createClient as createRpcClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { createClient, Role as MessageRole, text } from "../../../src/client/index.ts";
import type { Config } from "../../../src/config/config.ts";
import type { RunningGateway } from "../../../src/gateway.ts";
import { AdminService } from "../../../src/gen/execution/v1/admin_pb.js";
import { Role } from "../../../src/gen/execution/v1/options_pb.js";
import { ErrorInfoSchema } from "../../../src/gen/google/rpc/error_details_pb.js";
import { hashKey } from "../../../src/server/auth.ts";
import { startTestGateway } from "../../support/gateway.ts";
import { normalise } from "../outcome.ts";
import { connectFailure, problemOf } from "../wires.ts";

/** Who calls, by the name of the key, which is its text too. */
export type Caller = "platform" | "admin-t" | "viewer-t" | "caller-t" | "admin-u";

const KEYS: Readonly<Record<Caller, readonly [tenant: string, roles: readonly Role[]]>> = {
  platform: ["default", [Role.PLATFORM_ADMIN, Role.CALLER]],
  "admin-t": ["t", [Role.TENANT_ADMIN]],
  "viewer-t": ["t", [Role.VIEWER]],
  "caller-t": ["t", [Role.CALLER]],
  "admin-u": ["u", [Role.TENANT_ADMIN, Role.CALLER]],
};

/** A gateway whose admin listener is open, on a free port. */
export interface AdminGateway extends RunningGateway {
  readonly adminUrl: string;
}

/** Starts a gateway with the keys of `Caller`, or with others. */
export async function startAdminGateway(config: Partial<Config> = {}): Promise<AdminGateway> {
  const keys = Object.entries(KEYS).map(([name, [tenant, roles]]) => ({
    name,
    sha256: hashKey(name),
    tenant,
    roles,
    providerOptions: false,
  }));
  const gateway = await startTestGateway({ config: { keys, admin: { host: "127.0.0.1", port: 0 }, ...config } });
  const { adminUrl } = gateway;
  if (adminUrl === undefined) throw new Error("the admin listener is not open");
  return { ...gateway, adminUrl };
}

/** A client of AdminService for somebody. */
export function adminClient(url: string, caller: Caller | undefined, transport?: Transport) {
  const rpc = createRpcClient(AdminService, transport ?? createGrpcTransport({ baseUrl: url }));
  return { rpc, as: { headers: caller === undefined ? {} : { authorization: `Bearer ${caller}` } } };
}

/** The code and reason that a call fails with; `nothing` if it does not. */
export async function failureOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return "nothing";
  } catch (thrown) {
    const error = ConnectError.from(thrown);
    return `${error.code} ${error.findDetails(ErrorInfoSchema)[0]?.reason}`;
  }
}

/** Makes one call to the mock, and says what it was refused for. */
export async function chatAs({ grpcUrl }: RunningGateway, apiKey: Caller): Promise<string | undefined> {
  const client = createClient({ baseUrl: grpcUrl, apiKey });
  try {
    await client.chat({ messages: [{ role: MessageRole.USER, parts: [text("hi")] }] }).collect();
    return undefined;
  } catch (thrown) {
    return (thrown as { readonly reason?: string }).reason ?? String(thrown);
  } finally {
    client.close();
  }
}

/** What a wire made of a call: the response, or the failure with its details. */
export type Outcome = { readonly response: JsonValue } | { readonly failure: unknown };

/** One way to call the admin listener. */
export interface AdminWire {
  readonly name: string;
  call(method: DescMethodUnary, request: JsonValue, caller: Caller | undefined): Promise<Outcome>;
}

/** Every wire that the admin listener has. */
export function adminWires(baseUrl: string): readonly AdminWire[] {
  const http1 = { baseUrl, httpVersion: "1.1", nodeOptions: { agent: false } } as const;
  return [
    connectWire("gRPC", createGrpcTransport({ baseUrl })),
    connectWire("Connect", createConnectTransport({ ...http1, useBinaryFormat: true })),
    connectWire("Connect in JSON, by GET where it may be", createConnectTransport({ ...http1, useHttpGet: true })),
    connectWire("gRPC-Web", createGrpcWebTransport(http1)),
    restWire("REST", baseUrl),
    restWire("REST under /v1", `${baseUrl}/v1`),
  ];
}

function connectWire(name: string, transport: Transport): AdminWire {
  return {
    name,
    call: async (method, request, caller) => {
      const { rpc, as } = adminClient("", caller, transport);
      const asked = create(method.input, fromJson(method.input, request));
      const send = rpc[method.localName as "getBudget"] as unknown as (
        message: typeof asked,
        options: typeof as,
      ) => Promise<MessageShape<typeof method.output>>;
      try {
        return { response: toJson(method.output, await send(asked, as)) };
      } catch (thrown) {
        return failure(connectFailure(ConnectError.from(thrown)));
      }
    },
  };
}

interface RestRequest {
  readonly budgetId?: string;
  readonly version?: string;
  readonly budget?: Readonly<Record<string, string>>;
}

function restWire(name: string, base: string): AdminWire {
  return {
    name,
    call: async ({ name: method, output }, request, caller) => {
      const { budgetId = "", budget, version, ...fields } = request as RestRequest;
      const query = new URLSearchParams(fields as Record<string, string>);
      const [verb = "GET", path = "/"] =
        {
          ListBudgets: ["GET", `/budgets?${query}`],
          GetBudget: ["GET", `/budgets/${budgetId}`],
          CreateBudget: ["POST", "/budgets"],
          UpdateBudget: ["PATCH", `/budgets/${budget?.budgetId}`],
          DeleteBudget: ["DELETE", `/budgets/${budgetId}?version=${version}`],
        }[method] ?? (["GET", "/"] as const);
      const answer = await fetch(`${base}${path}`, {
        method: verb,
        headers: {
          connection: "close",
          ...(caller !== undefined && { authorization: `Bearer ${caller}` }),
          ...(budget !== undefined && { "content-type": "application/json" }),
        },
        ...(budget !== undefined && { body: JSON.stringify(budget) }),
      });
      const body = (await answer.json()) as JsonValue;
      if (answer.status !== 200) return failure(problemOf(body as unknown as Parameters<typeof problemOf>[0]));
      return { response: toJson(output, fromJson(output, body)) };
    },
  };
}

function failure(read: Parameters<typeof normalise>[0]["failure"]): Outcome {
  const { code, message, details } = normalise({ events: [], failure: read }).failure ?? {};
  return { failure: { code, message, details } };
}
