/**
 * Writes the table of `docs/resilience.md` from the reactions in the sources: `node scripts/reactions-table.ts`. A test fails when it is not current.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { ERROR_TABLE } from "../src/errors.ts";
import { REACTIONS, type Reaction } from "../src/router/attempts/reactions.ts";

const page = new URL("../docs/resilience.md", import.meta.url);

const START = "<!-- reactions: made by scripts/reactions-table.ts, do not edit -->";
const END = "<!-- end of reactions -->";

const RETRY: Readonly<Record<Reaction["retry"], string>> = { never: "", once: "once", always: "yes" };

const FALLBACK: Readonly<Record<Reaction["fallback"], string>> = {
  never: "",
  yes: "yes",
  first: "first",
  larger: "to a larger context window",
  opt_in: "with `fall_back_on_block`",
};

const HEALTH: Readonly<Record<Reaction["health"], string>> = {
  failure: "a failure",
  open: "opens the model",
  open_instance: "opens the instance",
  pause: "pauses the model",
  alive: "",
  nothing: "",
};

/** The page with its table made anew. Throws if it has no place for one. */
export function withReactions(text: string): string {
  const start = text.indexOf(START);
  const end = text.indexOf(END);
  if (start < 0 || end < start) throw new Error(`the page must have the lines ${START} and ${END}`);
  const rows = Object.keys(ERROR_TABLE).flatMap((reason) => {
    const reaction = Object.entries(REACTIONS).find(([known]) => known === reason)?.[1];
    if (reaction === undefined) return [];
    return [`| ${reason} | ${RETRY[reaction.retry]} | ${FALLBACK[reaction.fallback]} | ${HEALTH[reaction.health]} |`];
  });
  const table = ["| reason | retry | fallback | health |", "|---|---|---|---|", ...rows].join("\n");
  return `${text.slice(0, start)}${START}\n\n${table}\n\n${text.slice(end)}`;
}

if (import.meta.main) writeFileSync(page, withReactions(readFileSync(page, "utf8")));
