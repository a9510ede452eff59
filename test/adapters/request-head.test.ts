import { describe, expect, test } from "@jest/globals";
import { checkHeaders, joinUrl } from "../../src/adapters/request-head.ts";
import { Secret } from "../../src/secret.ts";

const settings = {
  name: "near",
  kind: "openai",
  headers: {},
  transport: "native",
  timeouts: { connectMs: 1, headersMs: 1, idleMs: 1 },
  models: {},
  quirks: {},
} as const;

describe("a path below a base URL", () => {
  test.each([
    ["https://api.openai.com/v1", "https://api.openai.com/v1/chat/completions"],
    ["https://api.openai.com/v1/", "https://api.openai.com/v1/chat/completions"],
    ["http://127.0.0.1:9000", "http://127.0.0.1:9000/chat/completions"],
    [
      "https://x.openai.azure.com/openai/deployments/d?api-version=2024-10-21",
      "https://x.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-10-21",
    ],
    ["http://h/a%20b#part", "http://h/a%20b/chat/completions"],
  ])("%s", (baseUrl, expected) => {
    expect(joinUrl(baseUrl, "/chat/completions").href).toBe(expected);
  });
});

describe("key and headers of an instance", () => {
  test("are fine", () => {
    const headers = { "X-Team": new Secret("blue"), "x-latin": new Secret("é") };
    expect(checkHeaders({ ...settings, apiKey: new Secret("sk-1"), headers })).toEqual([]);
  });

  test("are refused where no header takes them, without showing them", () => {
    const headers = {
      "x team": new Secret("blue"),
      Host: new Secret("elsewhere"),
      "x-broken": new Secret("a\r\nb: secret-value"),
      "x-wide": new Secret("日"),
    };
    const problems = checkHeaders({ ...settings, apiKey: new Secret("sk-1\n"), headers });
    expect(problems.map(({ path }) => path.join("."))).toEqual([
      "api_key",
      "headers.x team",
      "headers.Host",
      "headers.x-broken",
      "headers.x-wide",
    ]);
    expect(JSON.stringify(problems)).not.toContain("secret-value");
  });
});
