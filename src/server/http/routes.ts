import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel as IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { Health } from "../../gen/grpc/health/v1/health_pb.js";
import { ServerReflection } from "../../gen/grpc/reflection/v1/reflection_pb.js";
import { ServerReflection as ServerReflectionAlpha } from "../../gen/grpc/reflection/v1alpha/reflection_pb.js";
import { type Access, accessOf } from "../access.ts";
import type { Exchange } from "./exchange.ts";

/** Who may use a route: whoever may call an RPC it stands for, or everybody, for a reason. */
export type RouteAccess = { readonly rpc: DescMethod } | { readonly open: string };

/** What a route needs and whether it can cost money. */
export interface AccessLabel extends Access {
  /** True if no key is needed; only then there are no roles. */
  readonly open: boolean;
}

/** One path and one method it answers to. A GET route answers HEAD too. A segment of the path may be `{id}`. */
export interface Route {
  readonly path: string;
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  readonly access: RouteAccess;
  /** `id` is what the path has in the place of `{id}`; empty where it has no such place. */
  readonly serve: (exchange: Exchange, id: string) => Promise<void>;
}

/** The routes of a path, one a method. */
export interface FoundRoutes {
  readonly routes: readonly Route[];
  readonly id: string;
}

/** Routes by path. */
export interface RouteTable {
  find(path: string): FoundRoutes | undefined;
}

/** Services every server of gRPC has. They show the contract, which is public, and whether the process serves. */
export const OPEN_SERVICES: readonly DescService[] = [Health, ServerReflection, ServerReflectionAlpha];

/** The RPC paths of some services and of the open ones, `/package.Service/Method`. Throws if an RPC carries no access label. */
export function rpcPathsOf(services: readonly DescService[]): ReadonlyMap<string, DescMethod> {
  const methods = [...services, ...OPEN_SERVICES].flatMap((service) => service.methods);
  for (const method of methods) labelOfMethod(method);
  return new Map(methods.map((method) => [`/${method.parent.typeName}/${method.name}`, method]));
}

/** Looks routes up by path, each also under `/v1`. Throws if a route carries no access label. */
export function createRouteTable(routes: readonly Route[]): RouteTable {
  for (const route of routes) labelOf(route.access, route.path);
  const byPath = Map.groupBy(routes, ({ path }) => path);
  const fixed = new Map(
    [...byPath].flatMap(([path, found]) => [
      [path, found],
      [`/v1${path}`, found],
    ]),
  );
  return {
    find: (path) => {
      const found = path.includes("{") ? undefined : fixed.get(path);
      if (found !== undefined) return { routes: found, id: "" };
      const [, prefix = "", id = "", suffix = ""] = PATH_WITH_ID.exec(path) ?? [];
      const withId = id === "" ? undefined : fixed.get(`${prefix}{id}${suffix}`);
      return withId === undefined ? undefined : { routes: withId, id };
    },
  };
}

/** Ids are the platform's own: letters, digits, `_` and `-`. */
const PATH_WITH_ID = /^((?:\/v1)?\/\w+\/)([\w-]{1,256})((?:\/\w+)?)$/;

/** The HTTP methods that routes or an RPC answer to; none if there is neither. An RPC without side effects may be called by GET (Connect). */
export function httpMethodsOf(target: readonly Route[] | DescMethod | undefined): readonly string[] {
  if (target === undefined) return [];
  if (!("idempotency" in target))
    return target.flatMap(({ method }) => (method === "GET" ? ["GET", "HEAD"] : [method]));
  return target.idempotency === IdempotencyLevel.NO_SIDE_EFFECTS ? ["POST", "GET"] : ["POST"];
}

/** The access label of a route. Throws if it has none. */
export function labelOf(routeAccess: RouteAccess, name: string): AccessLabel {
  if ("rpc" in routeAccess) return labelOfMethod(routeAccess.rpc);
  if (routeAccess.open.trim() === "") throw new Error(`${name} is open without a reason`);
  return { open: true, roles: [], spends: false };
}

function labelOfMethod(method: DescMethod): AccessLabel {
  if (OPEN_SERVICES.some((service) => service === method.parent)) return { open: true, roles: [], spends: false };
  return { open: false, ...accessOf(method) };
}
