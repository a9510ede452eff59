import type { DescService } from "@bufbuild/protobuf";
import { AdminService } from "../../gen/execution/v1/admin_pb.js";
import { ExecutionService } from "../../gen/execution/v1/execution_pb.js";
import type { Dispatcher } from "../dispatcher.ts";
import { createAdminRoutes } from "./admin-rest.ts";
import type { TransportLimits } from "./limits.ts";
import type { Refusals } from "./refusals.ts";
import { createHealthRoute, createRestRoutes } from "./rest.ts";
import type { Route } from "./routes.ts";

/** What one listener serves beside health and reflection. Whatever is not in it is not there: UNIMPLEMENTED, or 404. */
export interface Surface {
  readonly services: readonly DescService[];
  readonly routes: (dispatcher: Dispatcher, limits: TransportLimits, refusals: Refusals) => readonly Route[];
}

/** What callers use. */
export const PUBLIC_SURFACE: Surface = { services: [ExecutionService], routes: createRestRoutes };

/** What those use who run the platform and its tenants. */
export const ADMIN_SURFACE: Surface = {
  services: [AdminService],
  routes: (dispatcher, limits, refusals) => [
    createHealthRoute(dispatcher, limits),
    ...createAdminRoutes(dispatcher, limits, refusals),
  ],
};
