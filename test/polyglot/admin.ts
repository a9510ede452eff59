import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import {
  type Budget,
  BudgetSchema,
  BudgetScope,
  BudgetSource,
  type WatchBudgetsResponse,
  WatchBudgetsResponseSchema,
} from "../../src/gen/execution/v1/budgets_pb.js";
import { Code } from "../../src/gen/google/rpc/code_pb.js";
import type { ProgramFailure } from "./program.ts";

/** The key of an admin of the platform, in clear. */
export const ADMIN_KEY = "key-of-an-admin";

/** What a client of an admin is asked to do. */
export interface AdminWork {
  /** Host and port of the admin listener. */
  readonly target: string;
  readonly key: string;
  /** The budget that it makes, in ProtoJSON. */
  readonly budget: JsonValue;
}

/** What it was told. */
export interface AdminAnswers {
  readonly created: JsonValue;
  readonly read: JsonValue;
  readonly listed: readonly JsonValue[];
  readonly watched: JsonValue;
  /** It doubles the amount. */
  readonly updated: JsonValue;
  /** Of a change of the version that was changed already. */
  readonly stale: ProgramFailure | null;
  /** Of who asks for it after it was taken away. */
  readonly gone: ProgramFailure | null;
}

/** Has a client make a budget of $12.50 a month for the tenant that its language is called. */
export function adminWork(adminUrl: string, name: string): AdminWork {
  const budget = {
    scope: "BUDGET_SCOPE_TENANT",
    value: name.toLowerCase(),
    window: "BUDGET_WINDOW_MONTH",
    unit: "BUDGET_UNIT_USD",
    mode: "BUDGET_MODE_HARD",
    amount: "12500000000",
    description: "a team's month",
  };
  return { target: new URL(adminUrl).host, key: ADMIN_KEY, budget };
}

/** What is wrong with the answers, one check after the other by name; undefined if nothing is. */
export function adminProblems(name: string, answers: AdminAnswers): ReadonlyMap<string, string | undefined> {
  const created = readBudget(answers.created);
  const read = readBudget(answers.read);
  const updated = readBudget(answers.updated);
  const watched: WatchBudgetsResponse = fromJson(WatchBudgetsResponseSchema, answers.watched);
  const ids = (budgets: readonly Budget[]): readonly string[] => budgets.map(({ budgetId }) => budgetId);
  const isAsWanted =
    created.scope === BudgetScope.TENANT &&
    created.value === name.toLowerCase() &&
    created.amount === 12_500_000_000n &&
    created.source === BudgetSource.RUNTIME &&
    created.version === 1n;
  const isRead = read.budgetId === created.budgetId && read.amount === created.amount && read.standing?.used === 0n;
  const isUpdated = updated.amount === 25_000_000_000n && updated.version === 2n;
  return new Map([
    ["CreateBudget", isAsWanted ? undefined : JSON.stringify(answers.created)],
    ["GetBudget", isRead ? undefined : JSON.stringify(answers.read)],
    ["ListBudgets", has(ids(answers.listed.map(readBudget)), created.budgetId)],
    ["WatchBudgets, its first event", watched.snapshot ? has(ids(watched.budgets), created.budgetId) : "no snapshot"],
    ["UpdateBudget", isUpdated ? undefined : JSON.stringify(answers.updated)],
    ["UpdateBudget of a stale version", failureProblem(answers.stale, Code.ABORTED, "VERSION_CONFLICT")],
    ["GetBudget after DeleteBudget", failureProblem(answers.gone, Code.NOT_FOUND, "BUDGET_NOT_FOUND")],
  ]);
}

function readBudget(json: JsonValue): Budget {
  return fromJson(BudgetSchema, json);
}

function has(ids: readonly string[], id: string): string | undefined {
  return ids.includes(id) ? undefined : `${id} is not among ${ids.join(" ")}`;
}

/** The first detail says why, as that of every error does. */
function failureProblem(failure: ProgramFailure | null, code: Code, reason: string): string | undefined {
  const [detail] = failure?.details ?? [];
  const told = detail as { readonly reason?: string; readonly domain?: string } | undefined;
  const isSo = failure?.code === code && told?.reason === reason && told.domain === "execution-platform";
  return isSo ? undefined : JSON.stringify(failure);
}
