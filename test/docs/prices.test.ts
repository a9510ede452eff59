import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { pricesSchema } from "../../src/config/prices-schema.ts";
import type { Type } from "../../src/config/reader.ts";
import { load } from "../config/load-from.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/costs.md"), "utf8");

/** Every key that the file may have, wherever it stands. */
function keysOf({ below }: Type<unknown>): readonly string[] {
  if (below?.kind === "object") {
    return Object.entries(below.fields).flatMap(([key, { type }]) => [key, ...keysOf(type)]);
  }
  if (below?.kind === "map") return keysOf(below.value);
  return below?.kind === "list" ? keysOf(below.item) : [];
}

describe("docs/costs.md", () => {
  test("names every key of a file of prices", () => {
    const keys = keysOf(pricesSchema);
    expect(keys).toContain("input_cache_write_1h");
    for (const key of keys) expect(page).toContain(`\`${key}\``);
  });

  test("shows a file of prices that is good", async () => {
    const [, prices = ""] = /^```yaml\n(vendors:\n.*?)^```$/ms.exec(page) ?? [];
    const file = `
providers: { near: { kind: openai, base_url: "http://127.0.0.1:9000/v1" } }
prices: { file: prices.yaml }
`;
    const { config } = await load({ file, files: { "prices.yaml": prices } });
    expect(Object.keys(config.prices?.vendors ?? {})).toEqual(["openai", "azure"]);
    expect(config.prices?.instances.near).toHaveLength(2);
  });
});
