import { inspect } from "node:util";
import { describe, expect, test } from "@jest/globals";
import { denied, load, problemsOf } from "./load-from.ts";

const SECRET = "sk-5eCr3t-5eCr3t-5eCr3t-5eCr3t";

const provider = (rest: string): string => `providers:\n  near: { kind: openai, ${rest} }\n`;

describe("a secret", () => {
  test("is read from a variable or a file, without the white space around it", async () => {
    const { config } = await load({
      file: `
providers:
  a: { kind: openai, api_key: { env: SOME_KEY }, headers: { X-Org: org 1, X-Token: { env: SOME_KEY } } }
  b: { kind: openai, api_key: { file: keys/b } }
`,
      environment: { SOME_KEY: ` ${SECRET}\n` },
      files: { "keys/b": `\n${SECRET}\r\n` },
    });
    expect(config.providers.a?.apiKey?.reveal()).toBe(SECRET);
    expect(config.providers.b?.apiKey?.reveal()).toBe(SECRET);
    const headers = Object.entries(config.providers.a?.headers ?? {}).map(([name, value]) => [name, value.reveal()]);
    expect(headers).toEqual([
      ["X-Org", "org 1"],
      ["X-Token", SECRET],
    ]);
    expect(config.origins.get("providers.a.api_key")).toBe("environment:SOME_KEY");
    expect(config.origins.get("providers.b.api_key")).toBe("file:4");
  });

  test("is not printed with the configuration", async () => {
    const loaded = await load({
      file: `providers: { near: { kind: openai, api_key: { env: K }, headers: { X-Token: { file: k }, X-Plain: ${SECRET} } } }\n`,
      environment: { K: SECRET },
      files: { k: SECRET },
    });
    for (const text of [JSON.stringify(loaded), inspect(loaded, { depth: 20, showHidden: true }), String(loaded)]) {
      expect(text).not.toContain("5eCr3t");
    }
    expect(`${loaded.config.providers.near?.apiKey}`).toBe("[secret]");
  });
});

describe("a secret is refused", () => {
  const cases: readonly (readonly [string, string, string])[] = [
    [
      "that stands in the file",
      provider(`api_key: ${SECRET}`),
      "execution-platform.yaml:2:34: providers.near.api_key: a key must not stand in the file; put it into a variable and write api_key: { env: EP_OPENAI_API_KEY }, or into a file and write api_key: { file: path }",
    ],
    [
      "that stands where a variable is named",
      provider(`api_key: { env: ${SECRET} }`),
      "execution-platform.yaml:2:34: providers.near.api_key: env must be the name of a variable, not the secret itself",
    ],
    [
      "that stands where a file is named",
      provider(`api_key: { file: ${SECRET} }`),
      "execution-platform.yaml:2:34: providers.near.api_key: there is no such file; paths start from /srv/gateway",
    ],
    [
      "that is a key of a map",
      provider(`api_key: { ${SECRET} }`),
      "execution-platform.yaml:2:34: providers.near.api_key: must be { env: NAME_OF_A_VARIABLE } or { file: path/of/a/file }",
    ],
    [
      "that is a list of lists",
      provider(`api_key: [[${SECRET}]]`),
      "execution-platform.yaml:2:35: providers.near.api_key[0]: must be { env: NAME_OF_A_VARIABLE } or { file: path/of/a/file }",
    ],
    [
      "that is in two places",
      provider("api_key: { env: A, file: b }"),
      "execution-platform.yaml:2:34: providers.near.api_key: must be { env: NAME_OF_A_VARIABLE } or { file: path/of/a/file }",
    ],
    [
      "whose variable is not set",
      provider("api_key: { env: NOT_THERE }"),
      "execution-platform.yaml:2:34: providers.near.api_key: the variable NOT_THERE is not set, neither in the environment nor in an .env file; set it, or remove what needs it",
    ],
    [
      "whose variable is empty",
      provider("api_key: { env: EMPTY }"),
      "execution-platform.yaml:2:34: providers.near.api_key: the variable EMPTY is empty; put the key there and nothing else",
    ],
    [
      "that has two lines",
      provider("api_key: { file: two }"),
      "execution-platform.yaml:2:34: providers.near.api_key: the file two has characters that no header can carry, such as a line break in its middle; put the key there and nothing else",
    ],
    [
      "whose file cannot be read",
      provider("api_key: { file: denied }"),
      "execution-platform.yaml:2:34: providers.near.api_key: the file cannot be read (EACCES)",
    ],
    [
      "that is missing where the provider needs one",
      provider("transport: native"),
      "execution-platform.yaml:2:9: providers.near.api_key: is missing; write api_key: { env: EP_OPENAI_API_KEY }, or the base_url of a server that needs no key",
    ],
    [
      "that is missing though the base URL is the kind's own",
      provider("base_url: https://api.openai.example/v1/"),
      "execution-platform.yaml:2:9: providers.near.api_key: is missing; write api_key: { env: EP_OPENAI_API_KEY }, or the base_url of a server that needs no key",
    ],
    [
      "in a header that carries credentials",
      provider(`base_url: "https://a.example", headers: { X-Goog-Api-Key: ${SECRET} }`),
      "execution-platform.yaml:2:83: providers.near.headers.X-Goog-Api-Key: a credential must not stand in the file; write { env: NAME } or { file: path }",
    ],
    [
      "in a URL",
      provider(`base_url: "https://me:${SECRET}@a.example"`),
      "execution-platform.yaml:2:35: providers.near.base_url: has a name or password in it; remove it and give the key as api_key: { env: NAME }",
    ],
    [
      "in a URL's query",
      provider(`base_url: "https://a.example/v1?key=${SECRET}"`),
      "execution-platform.yaml:2:35: providers.near.base_url: has a secret in its query; remove it and give the key as api_key: { env: NAME }",
    ],
    [
      "that is sent in plain text to another machine",
      provider('base_url: "http://a.example/v1", api_key: { env: SET }'),
      "execution-platform.yaml:2:35: providers.near.base_url: would send a secret over plain http:// to another machine; use https://, or set allow_insecure_http: true if the network between is trusted",
    ],
    [
      "that a header sends in plain text to another machine",
      provider('base_url: "http://a.example/v1", headers: { X-Token: { env: SET } }'),
      "execution-platform.yaml:2:35: providers.near.base_url: would send a secret over plain http:// to another machine; use https://, or set allow_insecure_http: true if the network between is trusted",
    ],
  ];

  test.each(cases)("%s", async (_, file, expected) => {
    const problems = await problemsOf({
      file,
      environment: { EMPTY: "", SET: SECRET },
      files: { two: `${SECRET}\n${SECRET}`, denied: denied() },
    });
    expect(problems[0]).toBe(expected);
    expect(problems.join("\n")).not.toContain("5eCr3t");
  });

  test("once, when two headers differ only in case", async () => {
    const file = provider('base_url: "https://a.example", headers: { X-A: "1", x-a: "2" }');
    expect(await problemsOf({ file })).toEqual([
      "execution-platform.yaml:2:82: providers.near.headers.x-a: is here a second time; header names know no case",
    ]);
  });
});

describe("plain http", () => {
  test.each([
    ["to this machine", 'base_url: "http://[::1]:9000/v1", api_key: { env: K }'],
    ["to this machine by name", 'base_url: "http://localhost:9000/v1", api_key: { env: K }'],
    ["without a secret", 'base_url: "http://ollama:11434/v1"'],
    ["where the operator allows it", 'base_url: "http://vllm:8000/v1", api_key: { env: K }, allow_insecure_http: true'],
  ])("is fine %s", async (_, rest) => {
    const { config } = await load({ file: provider(rest), environment: { K: SECRET } });
    expect(config.providers.near?.baseUrl).toMatch(/^http:/);
  });
});

describe("a key file", () => {
  const file = provider("api_key: { file: key }");

  test("that every user can read is worth a notice", async () => {
    const { notices } = await load({ file, files: { key: SECRET }, modes: { key: 0o644 } });
    expect(notices).toEqual(["the key file key can be read by every user of this machine; chmod 600 it"]);
  });

  test("that only its owner or group can read is not", async () => {
    for (const mode of [0o600, 0o640, 0o400]) {
      const { notices } = await load({ file, files: { key: SECRET }, modes: { key: mode } });
      expect(notices).toEqual([]);
    }
  });
});

describe("several keys of one provider", () => {
  const file = (keys: string): string =>
    `providers:\n  near: { kind: openai, base_url: "https://near.example/v1", api_key: ${keys} }\n`;

  test("are read in order, each from its own place, and never shown", async () => {
    const { config, effective } = await load({
      file: file("[{ env: ONE }, { env: TWO }]"),
      environment: { ONE: "k-one", TWO: "k-two" },
    });
    const { apiKey, moreApiKeys } = config.providers.near ?? {};
    expect([apiKey?.reveal(), ...(moreApiKeys ?? []).map((key) => key.reveal())]).toEqual(["k-one", "k-two"]);
    expect(JSON.stringify([config, effective()])).not.toMatch(/k-one|k-two/);
  });

  test("must each be there, and not in the file itself", async () => {
    const problems = await problemsOf({ file: file('[{ env: ONE }, "k-two"]'), environment: {} });
    expect(problems).toEqual([
      expect.stringContaining("providers.near.api_key[0]: the variable ONE is not set"),
      expect.stringContaining("providers.near.api_key[1]: a key must not stand in the file"),
    ]);
  });
});
