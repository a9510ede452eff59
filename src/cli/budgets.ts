import { toJson } from "@bufbuild/protobuf";
import { type AdminClient, ChatError } from "../client/index.ts";
import { formatUsd, parseUsd } from "../contract/money.ts";
import {
  type Budget,
  BudgetMode,
  BudgetSchema,
  BudgetScope,
  BudgetSource,
  BudgetUnit,
  BudgetWindow,
} from "../gen/execution/v1/budgets_pb.js";
import { MAX_LIMIT_AMOUNT } from "../limit.ts";
import { type CommandContext, CommandError, printable, write } from "./context.ts";
import type { BudgetListOptions, BudgetSetOptions, TargetOptions } from "./options.ts";
import { tableLines } from "./table.ts";
import { withAdminClient } from "./target.ts";

type Settings = Parameters<AdminClient["getBudget"]>[1];

/** Prints budgets and how they stand: as a table for people, or with `--json` each as one line of ProtoJSON. */
export async function listBudgets(options: BudgetListOptions, context: CommandContext): Promise<number> {
  const { tenant = "" } = options;
  const scope = options.scope === undefined ? BudgetScope.UNSPECIFIED : valueNamed(BudgetScope, "scope", options.scope);
  return withAdminClient(options, context, async (client, settings) => {
    const budgets = await all(client, { tenant, scope }, settings);
    const lines = options.json === true ? budgets.map(jsonLine) : table(budgets);
    await write(context.stdout, lines.map((line) => `${printable(context.stdout, line)}\n`).join(""));
    return 0;
  });
}

/** Puts a budget in force, or gives the one that is the same another amount, and prints it. */
export async function setBudget(options: BudgetSetOptions, context: CommandContext): Promise<number> {
  const { tenant = "", name: value = "", description } = options;
  const unit = valueNamed(BudgetUnit, "unit", options.unit);
  const wanted = {
    tenant,
    value,
    scope: valueNamed(BudgetScope, "scope", options.scope),
    window: valueNamed(BudgetWindow, "window", options.window ?? (unit === BudgetUnit.CONCURRENT ? "now" : "")),
    unit,
    mode: valueNamed(BudgetMode, "mode", options.mode),
  };
  const amount = amountOf(unit, options.amount);
  return withAdminClient(options, context, async (client, settings) => {
    const budget = await client
      .createBudget({ ...wanted, amount, description: description ?? "" }, settings)
      .catch(async (thrown: unknown) => {
        const id = existingId(thrown);
        if (id === undefined) throw thrown;
        const there = await client.getBudget(id, settings);
        return client.updateBudget({ ...there, amount, description: description ?? there.description }, settings);
      });
    await write(context.stdout, `${printable(context.stdout, table([budget]).join("\n"))}\n`);
    return 0;
  });
}

/** Takes a budget out of force, as it is now. */
export async function removeBudget(id: string, options: TargetOptions, context: CommandContext): Promise<number> {
  return withAdminClient(options, context, async (client, settings) => {
    await client.deleteBudget(await client.getBudget(id, settings), settings);
    return 0;
  });
}

async function all(
  client: AdminClient,
  filter: { readonly tenant: string; readonly scope: BudgetScope },
  settings: Settings,
): Promise<readonly Budget[]> {
  const budgets: Budget[] = [];
  let pageToken = "";
  do {
    const page = await client.listBudgets({ ...filter, pageToken, pageSize: 1000 }, settings);
    budgets.push(...page.budgets);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return budgets;
}

/** Id of the budget that is there already; undefined if a call failed for another reason. */
function existingId(thrown: unknown): string | undefined {
  if (!(thrown instanceof ChatError && thrown.reason === "BUDGET_EXISTS")) return undefined;
  return thrown.details.info?.metadata.budget_id;
}

/** The value of an enum that a word stands for, without its prefix and in any case. Throws a CommandError that names those there are. */
function valueNamed<Value extends number>(
  words: Readonly<Record<string, Value | string>>,
  what: string,
  word: string,
): Value {
  const value = words[word.toUpperCase().replaceAll("-", "_")];
  if (typeof value === "number" && value !== 0) return value;
  const known = Object.keys(words).filter((name) => Number.isNaN(Number(name)) && name !== "UNSPECIFIED");
  throw new CommandError(`--${what} must be one of ${known.map((name) => name.toLowerCase()).join(", ")}`);
}

function amountOf(unit: BudgetUnit, text: string): bigint {
  const amount = unit === BudgetUnit.USD ? parseUsd(text) : /^\d{1,18}$/.test(text) ? BigInt(text) : undefined;
  if (amount === undefined) {
    throw new CommandError(`--amount must be a ${unit === BudgetUnit.USD ? "" : "whole "}number that is not negative`);
  }
  if (amount <= MAX_LIMIT_AMOUNT) return amount;
  throw new CommandError(
    `--amount must be at most ${unit === BudgetUnit.USD ? formatUsd(MAX_LIMIT_AMOUNT) : MAX_LIMIT_AMOUNT}`,
  );
}

function jsonLine(budget: Budget): string {
  return JSON.stringify(toJson(BudgetSchema, budget, { alwaysEmitImplicit: true }));
}

function table(budgets: readonly Budget[]): readonly string[] {
  const rows = [
    ["id", "scope", "name", "tenant", "window", "unit", "mode", "amount", "used", "%", "source"],
    ...budgets.map((budget) => {
      const { unit, standing } = budget;
      const amount = (value: bigint): string => (unit === BudgetUnit.USD ? formatUsd(value) : value.toString());
      return [
        budget.budgetId,
        word(BudgetScope[budget.scope]),
        budget.value === "" ? "(each)" : budget.value.replaceAll(/\s+/g, " "),
        budget.tenant === "" ? "-" : budget.tenant,
        word(BudgetWindow[budget.window]),
        word(BudgetUnit[unit]),
        word(BudgetMode[budget.mode]),
        amount(budget.amount),
        standing === undefined ? "-" : amount(standing.used),
        standing === undefined ? "-" : String(standing.percentUsed),
        `${word(BudgetSource[budget.source])}${budget.overridden ? " (overridden)" : ""}`,
      ];
    }),
  ];
  return tableLines(rows, Number.POSITIVE_INFINITY);
}

function word(name: string | undefined): string {
  return (name ?? "").toLowerCase();
}
