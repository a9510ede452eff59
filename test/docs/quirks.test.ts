import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import type { AdapterKind, ProviderSettings } from "../../src/adapters/adapter.ts";
import { anthropicKind } from "../../src/adapters/anthropic/index.ts";
import { UNKNOWN } from "../../src/adapters/anthropic/model-quirks.ts";
import { geminiKind } from "../../src/adapters/gemini/index.ts";
import { resolveQuirks } from "../../src/adapters/gemini/quirk-settings.ts";
import * as gemini from "../../src/adapters/gemini/quirks.ts";
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

function settings(kind: string, quirks: ProviderSettings["quirks"] = {}): ProviderSettings {
  const timeouts = { connectMs: 1, headersMs: 1, idleMs: 1 };
  return { name: "near", kind, headers: {}, transport: "native", timeouts, models: {}, quirks };
}

function complaints({ kind, check }: AdapterKind, quirks: ProviderSettings["quirks"]): readonly string[] {
  return check(settings(kind, quirks)).map(({ message }) => message);
}

/** Each kind, with the values of a server or model of which nothing is known, and what it calls a hint. */
const kinds: readonly (readonly [string, AdapterKind, object, readonly string[]])[] = [
  ["openai", openaiKind, COMPATIBLE, HINT_FIELDS],
  ["anthropic", anthropicKind, UNKNOWN, []],
  ["gemini", geminiKind, resolveQuirks(settings("gemini"), "some-model"), gemini.HINT_FIELDS],
];

describe.each(kinds)("the quirks of %s in the configuration guide", (name, kind, unknown, hints) => {
  const documented = rowsOfText(sectionOf(name), /^`[a-z_]+`$/);

  test("are all there are, with the values they take", () => {
    const known = complaints(kind, { nonsense: true }).flatMap((message) =>
      message.replace(/^.*known are /, "").split(", "),
    );
    expect(
      documented.map(([quirk = "", takes = ""]) => [
        quirk.replaceAll("`", ""),
        takes.replace("a list of hints", `a list of ${hints.join(", ")}`),
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

const proseOf = (kind: string): string => sectionOf(kind).replaceAll(/\s+/g, " ");

test("the quirks of openai come with every vendor and every hint", () => {
  expect(proseOf("openai")).toContain(`one of ${Object.keys(VENDORS).join(", ")}.`);
  expect(proseOf("openai")).toContain(`A hint is one of ${HINT_FIELDS.join(", ")}.`);
});

test("the quirks of gemini come with every surface and every hint", () => {
  const surfaces = (complaints(geminiKind, { surface: "nowhere" })[0] ?? "").replace("must be ", "");
  expect(surfaces).toMatch(/^one of \w+, \w+$/);
  expect(proseOf("gemini")).toContain(`${surfaces};`);
  expect(proseOf("gemini")).toContain(`A hint is one of ${gemini.HINT_FIELDS.join(", ")}.`);
});
