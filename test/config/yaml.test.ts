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
});

describe("tags and directives", () => {
  // Mutant seen red: only tags that nobody knows are refused.
  test.each([
    ["providers: !!map {}\n", "1:18"],
    ["allowed_hosts: !!seq [a]\n", "1:22"],
    ["log_level: !!str info\n", "1:18"],
    ["grpc: { port: !!int 5 }\n", "1:21"],
    ["log_level: ! info\n", "1:14"],
    ["log_level: !<tag:yaml.org,2002:str> info\n", "1:37"],
    ["log_level: !!null\n", "1:18"],
    ["!!str log_level: info\n", "1:7"],
    ["%TAG !y! tag:yaml.org,2002:\n---\nlog_level: !y!str info\n", "3:19"],
  ])("of the core schema are refused where they stand, as all others: %j", async (file, where) => {
    expect(await problemsOf({ file })).toEqual([
      `execution-platform.yaml:${where}: : tags (!) are not supported; write the value alone`,
    ]);
  });

  // Mutant seen red: the version not looked at.
  test("of YAML 1.1, in which words mean other things, are refused, and those of YAML 1.2 are not", async () => {
    expect(await problemsOf({ file: "%YAML 1.1\n---\ngrpc: { tls_terminated_by_proxy: yes }\n" })).toEqual([
      "execution-platform.yaml:1:1: : the file must be YAML 1.2, and its %YAML line says otherwise; remove that line",
    ]);
    const { config } = await load({ file: "%YAML 1.2\n---\nlog_level: warn\n" });
    expect(config.logLevel).toBe("warn");
  });
});

describe("depth", () => {
  const deep: readonly (readonly [string, (depth: number) => string, string])[] = [
    ["lists in brackets", (depth) => `a: ${"[".repeat(depth)}${"]".repeat(depth)}`, "1:67"],
    ["lists without an end", (depth) => `a: ${"[".repeat(depth)}`, "1:67"],
    ["maps in braces", (depth) => `a: ${"{b: ".repeat(depth)}1${"}".repeat(depth)}`, "1:256"],
    ["lists by dashes", (depth) => `a:\n${"- ".repeat(depth)}x`, "2:127"],
    ["keys by question marks", (depth) => `${"? ".repeat(depth)}x`, "1:129"],
    [
      "maps by indentation",
      (depth) => Array.from({ length: Math.min(depth, 1_300) }, (_, at) => `${" ".repeat(at)}a:\n`).join(""),
      "65:66",
    ],
  ];

  // Attack: a file of a few KB that makes the parser exhaust its stack. Mutant seen red: no look at the depth before the file is parsed.
  test.each(deep)("of %s is refused where it is beyond any use", async (_, file, where) => {
    for (const depth of [70, 1_000, 10_000, 100_000]) {
      const problems = await problemsOf({ file: file(depth) });
      expect(problems).toEqual([`execution-platform.yaml:${where}: : the YAML is nested too deeply`]);
    }
  });

  test("that a file may well have is none", async () => {
    const script = `${"[".repeat(40)}${"]".repeat(40)}`;
    const file = `providers: { mock: { kind: mock, quirks: { script: ${script} } } }\n`;
    expect((await load({ file })).config.providers.mock?.quirks.script).toEqual(JSON.parse(script));
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
