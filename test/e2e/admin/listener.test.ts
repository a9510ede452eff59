import { createClient as createRpcClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { ExecutionService } from "../../../src/gen/execution/v1/execution_pb.js";
import { Health, HealthCheckResponse_ServingStatus as Serving } from "../../../src/gen/grpc/health/v1/health_pb.js";
import { ServerReflection } from "../../../src/gen/grpc/reflection/v1/reflection_pb.js";
import { type AdminGateway, adminClient, failureOf, startAdminGateway } from "./rig.ts";

// Mutant seen red: one surface with all services on every listener.
describe("the admin listener", () => {
  let gateway: AdminGateway;
  beforeAll(async () => {
    gateway = await startAdminGateway();
  });
  afterAll(() => gateway.stop());

  test("alone serves AdminService, and serves nothing else of the platform's", async () => {
    const { rpc, as } = adminClient(gateway.adminUrl, "platform");
    expect((await rpc.listBudgets({}, as)).budgets).toEqual([]);
    for (const url of [gateway.grpcUrl, gateway.httpUrl]) {
      const elsewhere = adminClient(url, "platform");
      expect(await failureOf(elsewhere.rpc.listBudgets({}, elsewhere.as))).toBe("12 UNIMPLEMENTED");
      const { status } = url === gateway.httpUrl ? await fetch(`${url}/budgets`) : { status: 404 };
      expect(status).toBe(404);
    }
    const chats = createRpcClient(ExecutionService, createGrpcTransport({ baseUrl: gateway.adminUrl }));
    expect(await failureOf(chats.costs({}, as))).toBe("12 UNIMPLEMENTED");
    expect((await fetch(`${gateway.adminUrl}/v1/chat`, { method: "POST" })).status).toBe(404);
  });

  test("has health and reflection of what it serves", async () => {
    const transport = createGrpcTransport({ baseUrl: gateway.adminUrl });
    const service = "execution.v1.AdminService";
    expect((await createRpcClient(Health, transport).check({ service })).status).toBe(Serving.SERVING);
    expect(await (await fetch(`${gateway.adminUrl}/health`)).json()).toEqual({ status: "serving" });
    const asked = (async function* () {
      yield { messageRequest: { case: "listServices" as const, value: "" } };
    })();
    for await (const { messageResponse } of createRpcClient(ServerReflection, transport).serverReflectionInfo(asked)) {
      const names = messageResponse.case === "listServicesResponse" ? messageResponse.value.service : [];
      expect(names.map(({ name }) => name)).toEqual([
        service,
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
      ]);
    }
  });

  test("answers to loopback names alone, where there are no keys", async () => {
    const open = await startAdminGateway({ keys: [] });
    const answer = await fetch(`${open.adminUrl}/budgets`, { headers: { origin: "https://evil.example" } });
    await open.stop();
    expect(answer.status).toBe(403);
  });

  // Mutant seen red: an amount that is left out is 0.
  test("takes no budget by REST without its amount, which would let nothing through", async () => {
    const { rpc, as } = adminClient(gateway.adminUrl, "admin-t");
    const send = async (method: string, path: string, body: object): Promise<string> => {
      const headers = { ...as.headers, "content-type": "application/json" };
      const answer = await fetch(`${gateway.adminUrl}${path}`, { method, headers, body: JSON.stringify(body) });
      const { detail } = (await answer.json()) as { readonly detail?: string };
      return `${answer.status} ${detail}`;
    };
    const terms = { scope: "BUDGET_SCOPE_TENANT", window: "BUDGET_WINDOW_DAY", unit: "BUDGET_UNIT_USD" };
    const refused = '400 budget.amount must be there; "0" allows nothing';
    expect(await send("POST", "/budgets", terms)).toBe(refused);
    expect(await send("POST", "/budgets", { ...terms, amount: null })).toBe(refused);
    expect(await send("POST", "/budgets", { ...terms, amount: "5" })).toMatch(/^200/);
    const budgetId = (await rpc.listBudgets({}, as)).budgets[0]?.budgetId;
    const path = `/budgets/${budgetId}`;
    const unchanged = "400 budget must have what is to change: amount or description";
    expect(await send("PATCH", path, { version: "1" })).toBe(unchanged);
    expect(await send("PATCH", path, { version: "1", amount: null })).toBe(unchanged);
    expect(await send("PATCH", `${path}?updateMask=amount`, { version: "1", amount: "6" })).toMatch(/^400 query/);
    expect(await send("PATCH", path, { version: "1", amount: "6", budgetId, budget_id: "b" })).toMatch(
      /^400 budget_id/,
    );
    expect(await send("PATCH", path, { version: "1", amount: "6", budget_id: budgetId })).toMatch(/^200/);
    expect((await rpc.getBudget({ budgetId: budgetId ?? "" }, as)).budget).toMatchObject({ amount: 6n, version: 2n });
  });

  test("says what methods a path of several has", async () => {
    const answer = await fetch(`${gateway.adminUrl}/v1/budgets/b`, { method: "PUT" });
    expect({ status: answer.status, allow: answer.headers.get("allow") }).toEqual({
      status: 405,
      allow: "GET, HEAD, PATCH, DELETE",
    });
  });
});
