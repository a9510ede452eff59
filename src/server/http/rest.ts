import { create, type JsonWriteOptions, type Message, toJson } from "@bufbuild/protobuf";
import { AdminService } from "../../gen/execution/v1/admin_pb.js";
import {
  CapabilitiesRequestSchema,
  type CapabilitiesResponse,
  CapabilitiesResponseSchema,
} from "../../gen/execution/v1/capabilities_pb.js";
import { CostsRequestSchema, type CostsResponse, CostsResponseSchema } from "../../gen/execution/v1/costs_pb.js";
import { ExecutionService } from "../../gen/execution/v1/execution_pb.js";
import { type PlanResponse, PlanResponseSchema } from "../../gen/execution/v1/plan_pb.js";
import {
  CancelRequestSchema,
  CancelResponseSchema,
  GetStreamRequestSchema,
  GetStreamResponseSchema,
} from "../../gen/execution/v1/streams_pb.js";
import type { Dispatcher } from "../dispatcher.ts";
import { sendJson } from "./answer.ts";
import { readInflated } from "./body.ts";
import { createRestCalls, runUnary } from "./calls.ts";
import { readPlanBody } from "./chat-body.ts";
import type { Exchange } from "./exchange.ts";
import { serveExport } from "./export.ts";
import type { TransportLimits } from "./limits.ts";
import { DETAIL_TYPES } from "./problem.ts";
import { providerHealth } from "./provider-health.ts";
import { decodeQuery } from "./query.ts";
import type { Refusals } from "./refusals.ts";
import type { Route } from "./routes.ts";
import { serveChat, serveStream } from "./sse.ts";

/** The REST routes, each with its access label. Every one is served under `/v1` too. */
export function createRestRoutes(
  dispatcher: Dispatcher,
  limits: TransportLimits,
  refusals: Refusals,
): readonly Route[] {
  const { cancel, capabilities, chat, costs, getStream, plan, resume } = ExecutionService.method;
  const { exportCosts } = AdminService.method;
  const calls = createRestCalls(dispatcher, limits);
  return [
    createHealthRoute(dispatcher, limits),
    {
      path: "/health/providers",
      method: "GET",
      access: { rpc: capabilities },
      serve: (exchange) =>
        calls.run(exchange, capabilities, async (call) => {
          const known = await runUnary(call, create(CapabilitiesRequestSchema));
          sendJson(exchange, limits, providerHealth(known as CapabilitiesResponse, dispatcher.targetStates()));
        }),
    },
    {
      path: "/capabilities",
      method: "GET",
      access: { rpc: capabilities },
      serve: (exchange) =>
        calls.run(exchange, capabilities, async (call) => {
          const response = await runUnary(call, await decodeQuery(exchange, call, CapabilitiesRequestSchema));
          sendJson(exchange, limits, protoJson(CapabilitiesResponseSchema, response));
        }),
    },
    {
      path: "/costs",
      method: "GET",
      access: { rpc: costs },
      serve: (exchange) =>
        calls.run(exchange, costs, async (call) => {
          const response = await runUnary(call, await decodeQuery(exchange, call, CostsRequestSchema));
          sendJson(
            exchange,
            limits,
            toJson(CostsResponseSchema, response as CostsResponse, { alwaysEmitImplicit: true }),
          );
        }),
    },
    {
      path: "/costs/export",
      method: "GET",
      access: { rpc: exportCosts },
      serve: (exchange) => calls.run(exchange, exportCosts, (call) => serveExport(exchange, call, limits)),
    },
    {
      path: "/plan",
      method: "POST",
      access: { rpc: plan },
      serve: async (exchange) =>
        isJson(exchange)
          ? calls.run(exchange, plan, async (call) => {
              const bytes = await readInflated(exchange, call, limits.requestMs);
              const response = await runUnary(call, await readPlanBody(bytes, exchange.query, call));
              sendJson(
                exchange,
                limits,
                toJson(PlanResponseSchema, response as PlanResponse, { alwaysEmitImplicit: true }),
              );
            })
          : refusals.unsupportedMediaType(exchange, ["application/json"]),
    },
    {
      path: "/streams/{id}",
      method: "GET",
      access: { rpc: getStream },
      serve: (exchange, streamId) =>
        calls.run(exchange, getStream, async (call) => {
          const response = await runUnary(call, create(GetStreamRequestSchema, { streamId }));
          sendJson(exchange, limits, protoJson(GetStreamResponseSchema, response));
        }),
    },
    {
      path: "/streams/{id}/events",
      method: "GET",
      access: { rpc: resume },
      serve: (exchange, streamId) =>
        calls.run(exchange, resume, (call) => serveStream(exchange, call, limits, streamId)),
    },
    {
      path: "/streams/{id}/cancel",
      method: "POST",
      access: { rpc: cancel },
      serve: (exchange, streamId) =>
        calls.run(exchange, cancel, async (call) => {
          const response = await runUnary(call, create(CancelRequestSchema, { streamId }));
          sendJson(exchange, limits, protoJson(CancelResponseSchema, response));
        }),
    },
    {
      path: "/chat",
      method: "POST",
      access: { rpc: chat },
      serve: async (exchange) =>
        isJson(exchange)
          ? calls.run(exchange, chat, (call) => serveChat(exchange, call, limits))
          : refusals.unsupportedMediaType(exchange, ["application/json"]),
    },
  ];
}

/** `GET /health`, which every listener has. */
export function createHealthRoute(dispatcher: Dispatcher, limits: TransportLimits): Route {
  return {
    path: "/health",
    method: "GET",
    access: { open: "load balancers have no key, and it tells only whether this process takes calls" },
    serve: async (exchange) => {
      if (dispatcher.draining) return sendJson(exchange, limits, { status: "draining" }, { status: 503 });
      if (!dispatcher.canRecord()) return sendJson(exchange, limits, { status: "ledger_unavailable" }, { status: 503 });
      const shedding = dispatcher.shedding();
      // A process that sheds still serves: to restart it, or to send its callers to others, could only make things worse.
      sendJson(exchange, limits, { status: "serving", ...(shedding.length > 0 && { shedding }) });
    },
  };
}

/** True of a JSON body. A form, which any web page may post, is none: pages need the leave of CORS for this type. */
export function isJson({ header }: Exchange): boolean {
  return /^application\/json(?:; ?charset="?utf-?8"?)?$/i.test(header("content-type") ?? "");
}

/** A message as an answer has it. */
export function protoJson(
  schema: Parameters<typeof toJson>[0],
  message: Message,
  options: Partial<JsonWriteOptions> = {},
) {
  return toJson(schema, message, { registry: DETAIL_TYPES, ...options });
}
