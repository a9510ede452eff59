import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import type { AdapterKind } from "../../src/adapters/adapter.ts";
import { anthropicKind } from "../../src/adapters/anthropic/index.ts";
import { UNKNOWN } from "../../src/adapters/anthropic/model-quirks.ts";
import { openaiKind } from "../../src/adapters/openai/index.ts";
import { HINT_FIELDS } from "../../src/adapters/openai/quirks.ts";
import { COMPATIBLE, VENDORS } from "../../src/adapters/openai/vendors.ts";
import { rowsOfText } from "./tables.ts";

const guide = readFileSync(join(import.meta.dirname, "../../docs/configuration.md"), "utf8");

/** What the guide says of the quirks of a kind. */
function sectionOf(kind: string): string {
  const [, section] = guide.split(`## Quirks of \`${kind}\``);
  if (section === undefined) throw new Error(`docs/configuration.md has no section on the quirks of ${kind}`);
  return section.split(/^## /m)[0] ?? "";
}

function complaints({ kind, check }: AdapterKind, quirks: Readonly<Record<string, unknown>>): readonly string[] {
  const timeouts = { connectMs: 1, headersMs: 1, idleMs: 1 };
  const settings = { name: "near", kind, headers: {}, transport: "native" as const, timeouts, models: {}, quirks };
  return check(settings).map(({ message }) => message);
}

/** Each kind, with the values of a server or model of which nothing is known. */
const kinds: readonly (readonly [string, AdapterKind, object])[] = [
  ["openai", openaiKind, COMPATIBLE],
  ["anthropic", anthropicKind, UNKNOWN],
];

describe.each(kinds)("the quirks of %s in the configuration guide", (name, kind, unknown) => {
  const documented = rowsOfText(sectionOf(name), /^`[a-z_]+`$/);

  test("are all there are, with the values they take", () => {
    const known = complaints(kind, { nonsense: true }).flatMap((message) =>
      message.replace(/^.*known are /, "").split(", "),
    );
    expect(
      documented.map(([quirk = "", takes = ""]) => [
        quirk.replaceAll("`", ""),
        takes.replace("a list of hints", `a list of ${HINT_FIELDS.join(", ")}`),
      ]),
    ).toEqual(known.map((quirk) => [quirk, (complaints(kind, { [quirk]: {} })[0] ?? "").replace("must be ", "")]));
  });

  test("have the values that hold where nothing is known", () => {
    const written = (value: unknown): string => (Array.isArray(value) ? `[${value.join(", ")}]` : String(value));
    const values = new Map(
      Object.entries(unknown).map(([field, value]) => [
        field.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
        written(value),
      ]),
    );
    expect(documented.map(([quirk, , value]) => [quirk, value])).toEqual(
      documented.map(([quirk = ""]) => [quirk, values.get(quirk.replaceAll("`", ""))]),
    );
  });
});

test("the quirks of openai come with every vendor and every hint", () => {
  const prose = sectionOf("openai").replaceAll(/\s+/g, " ");
  expect(prose).toContain(`one of ${Object.keys(VENDORS).join(", ")}.`);
  expect(prose).toContain(`A hint is one of ${HINT_FIELDS.join(", ")}.`);
});
