import { create } from "@bufbuild/protobuf";
import { ExecutionError } from "../../errors.ts";
import {
  type Budget,
  BudgetScope,
  type CreateBudgetRequest,
  type CreateBudgetResponse,
  CreateBudgetResponseSchema,
  type DeleteBudgetRequest,
  type DeleteBudgetResponse,
  DeleteBudgetResponseSchema,
  type GetBudgetRequest,
  type GetBudgetResponse,
  GetBudgetResponseSchema,
  type ListBudgetsRequest,
  type ListBudgetsResponse,
  ListBudgetsResponseSchema,
  type UpdateBudgetRequest,
  type UpdateBudgetResponse,
  UpdateBudgetResponseSchema,
} from "../../gen/execution/v1/budgets_pb.js";
import { Role } from "../../gen/execution/v1/options_pb.js";
import type { Author, BudgetEntry, BudgetTerms } from "../../ledger/budgets/book.ts";
import { exists } from "../../ledger/budgets/book-errors.ts";
import { seedCounters } from "../../ledger/budgets/seed.ts";
import type { CallContext, Principal } from "../call.ts";
import { alike, askedTenant, checkMayChange, maySee, seesAll, tenantOf } from "./budget-access.ts";
import { budgetMessage } from "./budget-message.ts";
import { type BudgetChange, checkUnchanged, readChange, readNewBudget } from "./budget-request.ts";
import { SCOPES } from "./budget-words.ts";
import type { AdminDeps } from "./deps.ts";

/** Budgets of a page, unless the request says how many. */
const DEFAULT_PAGE_SIZE = 100;

/** The RPCs that read and change budgets, as the contract has them. */
export interface Budgets {
  listBudgets(request: ListBudgetsRequest, context: CallContext): Promise<ListBudgetsResponse>;
  getBudget(request: GetBudgetRequest, context: CallContext): Promise<GetBudgetResponse>;
  createBudget(request: CreateBudgetRequest, context: CallContext): Promise<CreateBudgetResponse>;
  updateBudget(request: UpdateBudgetRequest, context: CallContext): Promise<UpdateBudgetResponse>;
  deleteBudget(request: DeleteBudgetRequest, context: CallContext): Promise<DeleteBudgetResponse>;
}

/** The budgets somebody sees, by id, of one scope and tenant where that is asked. Throws SCOPE_DENIED. */
export function visibleBudgets(
  { book, state }: Pick<AdminDeps, "book" | "state">,
  { tenant, scope, value = "" }: { readonly tenant: string; readonly scope: BudgetScope; readonly value?: string },
  principal: Principal,
): readonly BudgetEntry[] {
  const current = state();
  const only = askedTenant(tenant, principal, current);
  const isNarrow = tenant !== "" && seesAll(principal, current);
  return book
    .all()
    .filter((entry) => maySee(principal, entry, current))
    .filter(({ limit }) => !isNarrow || tenantOf(limit, current) === only)
    .filter(({ limit }) => scope === BudgetScope.UNSPECIFIED || SCOPES[limit.scope] === scope)
    .filter(({ limit }) => value === "" || limit.value === value);
}

/** Creates the RPCs. */
export function createBudgets(deps: AdminDeps): Budgets {
  const { book, state, newId, nowMs, log } = deps;
  /** One that is not seen is not there. */
  const seen = (entry: BudgetEntry | undefined, principal: Principal): BudgetEntry => {
    if (entry === undefined || !maySee(principal, entry, state())) {
      throw new ExecutionError("BUDGET_NOT_FOUND", "there is no such budget, or it is not one this key may see");
    }
    return entry;
  };
  /** Throws for who may not see or change a budget. Of the configuration's the book says that they are read only. */
  const checkAccess = (entry: BudgetEntry, principal: Principal): void => {
    if (seen(entry, principal).changed !== undefined) checkMayChange(principal, entry, state());
  };
  /** What is found may be older than what others have made of it. Whose budget it is never changes. */
  const find = (id: string, principal: Principal): BudgetEntry => seen(book.find(id), principal);
  const authorOf = ({ tenant, key }: Principal): Author => ({ name: `${tenant}/${key}`, atMs: nowMs() });
  const audit = (what: string, id: string, { requestId, principal }: CallContext): void =>
    log.info(`a budget was ${what}`, { budgetId: id, by: authorOf(principal).name, requestId });

  return {
    listBudgets: async (request, { principal }) => {
      const entries = visibleBudgets(deps, request, principal);
      const after = readPageToken(request.pageToken);
      const left = entries.filter(({ id }) => id > after);
      const page = left.slice(0, request.pageSize ?? DEFAULT_PAGE_SIZE);
      const last = page.at(-1);
      return create(ListBudgetsResponseSchema, {
        budgets: await Promise.all(page.map((entry) => budgetMessage(deps, entry, principal))),
        nextPageToken: last === undefined || page.length === left.length ? "" : writePageToken(last.id),
      });
    },
    getBudget: async ({ budgetId }, { principal }) =>
      create(GetBudgetResponseSchema, { budget: await budgetMessage(deps, find(budgetId, principal), principal) }),
    createBudget: async ({ budget }, context) => {
      const { principal, signal } = context;
      const wanted = given(budget);
      const limit = readNewBudget(wanted, principal, state());
      const same = alike(book.all(), limit, principal, state());
      if (same !== undefined) throw exists(same);
      const id = `budget_${newId()}`;
      const entry = await book.create(id, limit, termsOf(wanted, principal), authorOf(principal), async () => {
        // Whoever was told that the call is over gets no budget later, as long as that can be helped.
        signal.throwIfAborted();
        // What runs meanwhile was not reserved from it, and is not counted.
        await seedCounters(deps, [limit]);
        signal.throwIfAborted();
      });
      audit("created", id, context);
      return create(CreateBudgetResponseSchema, { budget: await budgetMessage(deps, entry, principal) });
    },
    updateBudget: async ({ budget, updateMask }, context) => {
      const { principal } = context;
      const wanted = given(budget);
      const { id } = find(wanted.budgetId, principal);
      // On what the budget is in the book's turn: since it was found others may have changed it, or taken it over.
      const decide = (entry: BudgetEntry): BudgetTerms => {
        checkAccess(entry, principal);
        if (entry.changed !== undefined) checkUnchanged(wanted, entry, state());
        return termsOf(readChange(wanted, updateMask, entry), principal);
      };
      const changed = await book.change(id, Number(wanted.version), decide, authorOf(principal));
      audit("changed", id, context);
      return create(UpdateBudgetResponseSchema, { budget: await budgetMessage(deps, changed, principal) });
    },
    deleteBudget: async ({ budgetId, version }, context) => {
      const { principal } = context;
      const { id } = find(budgetId, principal);
      await book.remove(id, Number(version), (entry) => checkAccess(entry, principal), authorOf(principal));
      audit("deleted", id, context);
      return create(DeleteBudgetResponseSchema);
    },
  };
}

function given(budget: Budget | undefined): Budget {
  if (budget !== undefined) return budget;
  const description = "must be there";
  throw new ExecutionError("INVALID_FIELD", `budget ${description}`, { fields: [{ field: "budget", description }] });
}

function termsOf({ amount, description }: BudgetChange, { roles }: Principal): BudgetTerms {
  return { amount, description, isPlatforms: roles.includes(Role.PLATFORM_ADMIN) };
}

function writePageToken(id: string): string {
  return Buffer.from(id, "utf8").toString("base64url");
}

function readPageToken(token: string): string {
  const id = Buffer.from(token, "base64url").toString("utf8");
  if (/^[\w-]{0,64}$/.test(id)) return id;
  const description = "is not a token of this service";
  throw new ExecutionError("INVALID_FIELD", `page_token ${description}`, {
    fields: [{ field: "page_token", description }],
  });
}
