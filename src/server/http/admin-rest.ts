import { create, type DescMethod, type JsonObject, type Message } from "@bufbuild/protobuf";
import { AdminService } from "../../gen/execution/v1/admin_pb.js";
import { GetBudgetRequestSchema, ListBudgetsRequestSchema } from "../../gen/execution/v1/budgets_pb.js";
import type { Dispatcher, ServerCall } from "../dispatcher.ts";
import { refuse } from "../edge/fields.ts";
import { sendJson } from "./answer.ts";
import { readInflated } from "./body.ts";
import { createRestCalls, runUnary } from "./calls.ts";
import type { Exchange } from "./exchange.ts";
import type { TransportLimits } from "./limits.ts";
import { decodeQuery } from "./query.ts";
import type { Refusals } from "./refusals.ts";
import { isJson, protoJson } from "./rest.ts";
import type { Route } from "./routes.ts";

/** Fields of a budget that UpdateBudget changes. */
const CHANGEABLE = ["amount", "description"] as const;

/**
 * The REST routes of AdminService: budgets by `/budgets` and `/budgets/{id}`. A body is the budget in ProtoJSON, an answer the RPC's response; what
 * changes or deletes one says in it, or in the query, which version it has read. PATCH changes what is in its body.
 */
export function createAdminRoutes(
  dispatcher: Dispatcher,
  limits: TransportLimits,
  refusals: Refusals,
): readonly Route[] {
  const { createBudget, deleteBudget, getBudget, listBudgets, updateBudget } = AdminService.method;
  const calls = createRestCalls(dispatcher, limits);

  const answer = (
    exchange: Exchange,
    method: DescMethod,
    request: (call: ServerCall) => Message | Promise<Message>,
  ): Promise<void> =>
    calls.run(exchange, method, async (call) => {
      const response = await runUnary(call, await request(call));
      sendJson(exchange, limits, protoJson(method.output, response, { alwaysEmitImplicit: true }));
    });
  const withBody = (
    exchange: Exchange,
    method: DescMethod,
    request: (call: ServerCall, body: JsonObject) => Promise<Message>,
  ): Promise<void> => {
    if (!isJson(exchange)) return Promise.resolve(refusals.unsupportedMediaType(exchange, ["application/json"]));
    return answer(exchange, method, async (call) => {
      const body = await call.parseJson(await readInflated(exchange, call, limits.requestMs));
      if (typeof body === "object" && body !== null && !Array.isArray(body)) return request(call, body);
      return refuse("", "must be a budget: a JSON object");
    });
  };
  return [
    {
      path: "/budgets",
      method: "GET",
      access: { rpc: listBudgets },
      serve: (exchange) =>
        answer(exchange, listBudgets, (call) => decodeQuery(exchange, call, ListBudgetsRequestSchema)),
    },
    {
      path: "/budgets",
      method: "POST",
      access: { rpc: createBudget },
      serve: (exchange) =>
        withBody(exchange, createBudget, (call, budget) => decoded(call, { budget: withAmount(budget) })),
    },
    {
      path: "/budgets/{id}",
      method: "GET",
      access: { rpc: getBudget },
      serve: (exchange, budgetId) => answer(exchange, getBudget, () => create(GetBudgetRequestSchema, { budgetId })),
    },
    {
      path: "/budgets/{id}",
      method: "PATCH",
      access: { rpc: updateBudget },
      serve: (exchange, budgetId) =>
        withBody(exchange, updateBudget, (call, budget) => {
          if (exchange.query !== "") refuse("query", "must be empty: what changes is what is in the body");
          const { budget_id, budgetId: other = budget_id, ...terms } = budget;
          for (const named of [other, budget_id]) {
            if (named !== undefined && named !== budgetId)
              refuse("budget_id", "must be the one in the path, or not there");
          }
          return decoded(call, { budget: { ...terms, budgetId }, updateMask: changesOf(terms) });
        }),
    },
    {
      path: "/budgets/{id}",
      method: "DELETE",
      access: { rpc: deleteBudget },
      serve: (exchange, budgetId) =>
        answer(exchange, deleteBudget, (call) => decoded(call, { ...readVersion(exchange), budgetId })),
    },
  ];
}

/** Left out it would be 0, as in every message, which lets nothing through: nobody means that. */
function withAmount(budget: JsonObject): JsonObject {
  if (budget.amount == null) refuse("budget.amount", 'must be there; "0" allows nothing');
  return budget;
}

/** What of a budget a body changes, as a mask in JSON: what is in it of what can change. */
function changesOf(budget: JsonObject): string {
  const paths = CHANGEABLE.filter((name) => budget[name] != null);
  if (paths.length === 0) refuse("budget", `must have what is to change: ${CHANGEABLE.join(" or ")}`);
  return paths.join(",");
}

/** Decoded as any other message is, so that what is wrong is told by its path. */
function decoded(call: ServerCall, message: JsonObject): Promise<Message> {
  return call.decodeJson(message);
}

function readVersion({ query }: Exchange): JsonObject {
  const params = new URLSearchParams(query);
  for (const name of params.keys()) if (name !== "version") refuse("query", "has a parameter other than version");
  const [version, ...more] = params.getAll("version");
  if (version === undefined || more.length > 0) return refuse("version", "must be there once: the one that was read");
  return { version };
}
