import { describe, expect, test } from "@jest/globals";
import { array, assert, asyncProperty, constantFrom, nat, pre } from "fast-check";
import { ConfigError } from "../../src/config/config-error.ts";
import { load, problemsOf } from "./load-from.ts";

describe("broken YAML is refused where it breaks", () => {
  test.each([
    [
      "an open list",
      "allowed_hosts: [a\nlog_level: info\n",
      "execution-platform.yaml:2:1: : the YAML cannot be read here: ",
    ],
    [
      "a tab",
      "grpc:\n\tport: 1\n",
      "execution-platform.yaml:2:1: : the YAML cannot be read here: Tabs are not allowed as indentation",
    ],
    [
      "an open quote",
      "log_level: 'info\n",
      "execution-platform.yaml:2:1: : the YAML cannot be read here: Missing closing 'quote",
    ],
    [
      "two documents",
      "log_level: info\n---\nlog_level: warn\n",
      "execution-platform.yaml:2:1: : the YAML cannot be read here: a second document (---) starts, and there may be only one",
    ],
    [
      "a tag of one's own",
      "log_level: !vault info\n",
      "execution-platform.yaml:1:12: : the YAML cannot be read here: Unresolved tag",
    ],
    [
      "binary",
      "log_level: !!binary aW5mbw==\n",
      "execution-platform.yaml:1:12: : the YAML cannot be read here: Unresolved tag",
    ],
    [
      "a key that is a list",
      "? [a]\n: b\n",
      "execution-platform.yaml:1:3: : the YAML cannot be read here: With stringKeys, all keys must be strings",
    ],
    ["a list", "- a\n- b\n", 'execution-platform.yaml:1:1: : the file must be a map of keys, such as "providers:"'],
    ["a text", "providers\n", 'execution-platform.yaml:1:1: : the file must be a map of keys, such as "providers:"'],
    [
      "a huge file",
      `# ${"x".repeat(1024 * 1024)}\n`,
      "execution-platform.yaml:1:1: : the file is larger than 1 MiB; a configuration is not",
    ],
  ])("%s", async (_, file, expected) => {
    const problems = await problemsOf({ file });
    expect(problems.map((problem) => problem.slice(0, expected.length))).toEqual([expected]);
  });

  test("with nothing said of what could only follow from it", async () => {
    const problems = await problemsOf({
      file: "grpc: { port: x\nproviders: { a: {} }\n",
      environment: { EP_HTTP_PORT: "x" },
    });
    expect(problems.every((problem) => problem.includes("the YAML cannot be read here"))).toBe(true);
  });
});

describe("a key that is there twice", () => {
  test("is refused with both lines, beside the other problems", async () => {
    expect(await problemsOf({ file: "log_level: info\ngrpc: { port: x }\nlog_level: warn\n" })).toEqual([
      'execution-platform.yaml:2:15: grpc.port: must be a whole number from 0 to 65535, not "x"',
      'execution-platform.yaml:3:1: : the key "log_level" is here a second time; the first is on line 1. Keep one of them',
    ]);
  });
});

describe("anchors, aliases and merge keys", () => {
  test("are refused where they stand", async () => {
    const file = "providers:\n  a: &a { kind: mock }\n  b: *a\n  c: { <<: *a }\n";
    expect(await problemsOf({ file })).toEqual([
      "execution-platform.yaml:2:9: : anchors (&) and aliases (*) are not supported; write the value out",
      "execution-platform.yaml:3:6: : anchors (&) and aliases (*) are not supported; write the value out",
      "execution-platform.yaml:4:12: : anchors (&) and aliases (*) are not supported; write the value out",
    ]);
  });

  test("make no bomb", async () => {
    const bomb = Array.from({ length: 40 }, (_, i) => `l${i + 1}: &l${i + 1} [${`*l${i}, `.repeat(9)}]`);
    const problems = await problemsOf({ file: ["l0: &l0 [x]", ...bomb].join("\n") });
    expect(problems).toHaveLength(41 + 40 * 9);
  });

  test("nor does depth", async () => {
    expect((await problemsOf({ file: `a: ${"[".repeat(100_000)}` })).length).toBeLessThanOrEqual(5);
    expect((await problemsOf({ file: `a: ${"[".repeat(3_000)}${"]".repeat(3_000)}` })).length).toBeLessThanOrEqual(5);
  });
});

describe("whatever stands in a file", () => {
  const secret = "sk-5eCr3t-5eCr3t-5eCr3t-5eCr3t";
  const pieces = constantFrom(
    ...[
      "providers",
      "near",
      ":",
      ": ",
      "\n",
      "\n  ",
      "\n    ",
      "{",
      "}",
      "[",
      "]",
      ", ",
      "- ",
      "kind",
      "openai",
      "api_key",
      "env",
      "file",
    ],
    ...[
      "headers",
      "base_url",
      '"',
      "'",
      "|",
      ">",
      "&a ",
      "*a",
      "!x ",
      "!!str ",
      "%Y",
      "---\n",
      "#",
      "@",
      "`",
      "\t",
      "?",
      "auth",
      "keys",
      "sha256",
    ],
  );

  test("the only thing that is ever thrown is a ConfigError, with a place for each problem", async () => {
    const texts = array(pieces, { maxLength: 40 }).map((parts) => parts.join(""));
    const check = asyncProperty(texts, async (file) => {
      const error = await load({ file }).catch((thrown: unknown) => thrown);
      if (!(error instanceof Error)) return;
      expect(error).toBeInstanceOf(ConfigError);
      for (const { where, message } of error instanceof ConfigError ? error.problems : []) {
        expect(where).toMatch(/^execution-platform\.yaml:\d+:\d+$/);
        expect(message).not.toBe("");
      }
    });
    await assert(check, { numRuns: 400 });
  });

  test.each([
    ["after a block's sign", `log_level: |${secret}\n  x\n`],
    ["as a tag", `log_level: !${secret} x\n`],
    ["after a bracket too many", `}${secret}\n`],
    ["as a key that is there twice", `${secret}: 1\n${secret}: 2\n`],
  ])("a secret is not repeated %s", async (_, file) => {
    expect((await problemsOf({ file })).join("\n")).not.toContain("5eCr3t");
  });

  test("a secret is not repeated, wherever the file breaks around it", async () => {
    const whole = `providers:
  near:
    kind: openai
    api_key: { env: "EP_OPENAI_API_KEY" }
    headers: { X-Key: "${secret}", X-Other: [ ${secret} ] }
    timeouts: { connect: ${secret} }
`;
    const slips = constantFrom(...`'"{}[]:@|!&*%#,\t\n`, ": ", "\n  ", "- ");
    const check = asyncProperty(nat(whole.length), slips, async (at, slip) => {
      const file = `${whole.slice(0, at)}${slip}${whole.slice(at)}`;
      // A slip within a secret makes two shorter texts of it, which nothing can tell from names.
      pre(file.split(secret).length === whole.split(secret).length);
      const error = await load({ file }).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(ConfigError);
      expect(String(error)).not.toContain("5eCr3t-5eCr3t-5eCr3t");
    });
    await assert(check, { numRuns: 400 });
  });
});
