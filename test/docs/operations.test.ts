import { readFileSync } from "node:fs";
import { join } from "node:path";
import { getOption } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { AdminService } from "../../src/gen/execution/v1/admin_pb.js";
import { ExecutionService } from "../../src/gen/execution/v1/execution_pb.js";
import { access, Role } from "../../src/gen/execution/v1/options_pb.js";
import type { Dispatcher } from "../../src/server/dispatcher.ts";
import type { TransportLimits } from "../../src/server/http/limits.ts";
import { createRefusals } from "../../src/server/http/refusals.ts";
import { createRestRoutes } from "../../src/server/http/rest.ts";
import { rowsOfText } from "./tables.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/operations.md"), "utf8");
const code = (text: string): string[] => [...text.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name);

// Mutant seen red: the page without /plan.
test("the operator's page lists every REST route", () => {
  const dispatcher = {} as Dispatcher;
  const limits = {} as TransportLimits;
  const routes = createRestRoutes(dispatcher, limits, createRefusals(dispatcher, limits));
  const sentence = /^REST is .*?\.$/ms.exec(page)?.[0] ?? "";
  const listed = code(sentence).filter((name) => name.includes(" "));
  expect(listed.sort()).toEqual(routes.map(({ method, path }) => `${method} ${path}`).sort());
});

// Mutant seen red: the page with Plan for viewers.
test("the operator's page says which role may call what", () => {
  const documented = rowsOfText(page, /^`[A-Z]\w+`/).flatMap(([rpcs = "", roles = ""]) =>
    code(rpcs).map((rpc) => [rpc, code(roles)] as const),
  );
  const actual = [...ExecutionService.methods, ...AdminService.methods].map((method) => [
    method.name,
    getOption(method, access).roles.map((role) => Role[role]?.toLowerCase()),
  ]);
  expect(Object.fromEntries(documented)).toEqual(Object.fromEntries(actual));
});
