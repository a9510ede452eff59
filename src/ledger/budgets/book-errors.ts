import { ExecutionError } from "../../errors.ts";

/** BUDGET_EXISTS: this one limits the same. Whoever would have made it counts the same calls, and so may see this one. */
export function exists({ id }: { readonly id: string }): ExecutionError {
  return new ExecutionError("BUDGET_EXISTS", `there is such a budget already: ${id}; change that one`, {
    budgetId: id,
  });
}

/** OVERLOADED, for who would make one more; waiting does not help. */
export function full(what: string): ExecutionError {
  return new ExecutionError("OVERLOADED", `there are ${what} already, the most there may be; delete some first`, {
    retryable: false,
  });
}

/** BUDGET_NOT_FOUND. */
export function notFound(id: string): ExecutionError {
  return new ExecutionError("BUDGET_NOT_FOUND", `there is no budget ${id}`);
}

/** VERSION_CONFLICT: it has another version than that which was read; undefined if which is not known. */
export function conflict(now: number | undefined, read: number): ExecutionError {
  const what = now === undefined ? "somebody has changed it" : `it has version ${now} by now`;
  return new ExecutionError(
    "VERSION_CONFLICT",
    `this is not version ${read} of the budget any more: ${what}; read it again`,
  );
}
