import { describe, expect, test } from "@jest/globals";
import { load, problemsOf } from "./load-from.ts";

describe("a number", () => {
  // Mutant seen red: only what YAML itself takes for whole is.
  test.each([
    ["1e3", 1000],
    ["1000.0", 1000],
    ["0x3E8", 1000],
    ["0o1750", 1000],
    ["01000", 1000],
  ])("is whole however it is written: %s", async (written, value) => {
    const { config } = await load({
      file: `defaults: { sampling: { max_output_tokens: ${written}, seed: ${written} } }\n`,
    });
    expect(config.defaults.sampling).toMatchObject({ maxOutputTokens: value, seed: BigInt(value) });
  });

  // Mutants seen red: any float taken for whole; the value told in place of what was written.
  test.each(["1.5", "1e-1", "1e40", "0x1FFFFFFFF", ".inf", ".nan", "-1e3"])(
    "that is none, or too large, is refused as it is written: %s",
    async (written) => {
      const problems = await problemsOf({ file: `defaults: { sampling: { max_output_tokens: ${written} } }\n` });
      expect(problems).toEqual([
        `execution-platform.yaml:1:44: defaults.sampling.max_output_tokens: must be a whole number from 1 to 4294967295, not "${written}"`,
      ]);
    },
  );

  test("of 64 bits keeps its digits, and one that has lost some is refused", async () => {
    const seed = async (written: string) =>
      (await load({ file: `defaults: { sampling: { seed: ${written} } }\n` })).config.defaults.sampling?.seed;
    expect(await seed("9223372036854775807")).toBe(9223372036854775807n);
    await expect(seed("1e18")).rejects.toThrow('at most 64 bits, not "1e18"');
  });

  // Mutant seen red: only text taken for a hash.
  test.each(["12".repeat(32), `${"12".repeat(31)}e9`, "00".repeat(32)])("may be a hash: %s", async (sha256) => {
    const { config } = await load({ file: `auth: { keys: { ci: { sha256: ${sha256} } } }\n` });
    expect(config.keys).toMatchObject([{ sha256 }]);
  });
});

describe("a name that is a number", () => {
  // Mutant seen red: the name made of the number's value.
  test.each(["0x10", "1e3", "007", "1.0", "12345678901234567890"])(
    "is what is written, wherever it stands: %s",
    async (name) => {
      const file =
        `providers: { ${name}: { kind: mock } }\npersonas: { default: { candidates: [{ provider: ${name} }] } }\n` +
        `tenants: { acme: { providers: [${name}] } }\n`;
      const { config } = await load({ file });
      expect(Object.keys(config.providers)).toEqual([name]);
      expect(config.personas.default?.candidates).toEqual([{ provider: name }]);
      expect(config.tenants.acme?.providers).toEqual([name]);
    },
  );

  test("is told as it is written where there is none of that name", async () => {
    const file = "providers: { mock: { kind: mock } }\npersonas: { default: { candidates: [{ provider: 0x10 }] } }\n";
    expect(await problemsOf({ file })).toEqual([
      expect.stringContaining('there is no provider instance "0x10"; the instances are mock.'),
    ]);
  });
});
