import { describe, expect, test } from "@jest/globals";
import { load, problemsOf } from "./load-from.ts";
import { CERTIFICATE, CERTIFICATE_KEY } from "./pem.ts";

const KEYS = `auth: { keys: { ci: { sha256: "${"01".repeat(32)}" } } }\n`;
const PROXY = "tls_terminated_by_proxy: true";

const withoutKeys = "other machines could call without a key";
const inPlainText = "keys and prompts would cross the network in plain text";

describe("binding off loopback", () => {
  test("is refused without keys and without TLS, for each listener", async () => {
    const problems = await problemsOf({ file: "grpc: { host: 0.0.0.0 }\nhttp: { host: '::' }\n" });
    expect(problems.map((problem) => problem.split(";")[0])).toEqual([
      `execution-platform.yaml:1:15: grpc.host: ${withoutKeys}`,
      `execution-platform.yaml:1:15: grpc.host: ${inPlainText}`,
      `execution-platform.yaml:2:15: http.host: ${withoutKeys}`,
      `execution-platform.yaml:2:15: http.host: ${inPlainText}`,
    ]);
  });

  test.each(["0.0.0.0", "::", "10.0.0.1", "gateway.example", "128.0.0.1", "::ffff:127.0.0.1", "localhost.example"])(
    "by %s is refused without keys even behind a proxy that ends TLS",
    async (host) => {
      const problems = await problemsOf({ file: `http: { host: "${host}", ${PROXY} }\n` });
      expect(problems).toEqual([
        `execution-platform.yaml:1:15: http.host: ${withoutKeys}; add one under auth.keys (or EP_AUTH_KEYS_SHA256), or bind 127.0.0.1`,
      ]);
    },
  );

  test("is refused with keys in plain text", async () => {
    const problems = await problemsOf({ file: `${KEYS}grpc: { host: 0.0.0.0 }\n` });
    expect(problems).toEqual([
      `execution-platform.yaml:2:15: grpc.host: ${inPlainText}; configure grpc.tls, or set grpc.tls_terminated_by_proxy: true (EP_TLS_TERMINATED_BY_PROXY=1) if a proxy in front of it ends TLS`,
    ]);
  });

  test("is fine with keys behind a proxy that ends TLS, from variables alone", async () => {
    const { config } = await load({
      environment: {
        EP_HOST: "0.0.0.0",
        EP_TLS_TERMINATED_BY_PROXY: "1",
        EP_AUTH_KEYS_SHA256: `ci:${"01".repeat(32)}`,
      },
    });
    expect([config.grpc.host, config.http.host]).toEqual(["0.0.0.0", "0.0.0.0"]);
  });

  test("is fine with keys and TLS", async () => {
    const { config } = await load({
      file: `${KEYS}grpc: { host: 0.0.0.0, tls: { certificate: cert.pem, key: key.pem } }\n`,
      files: { "cert.pem": CERTIFICATE, "key.pem": CERTIFICATE_KEY },
    });
    expect(config.grpc.tls?.certificate).toBe(CERTIFICATE);
    expect(config.grpc.tls?.key.reveal()).toBe(CERTIFICATE_KEY);
  });

  test.each(["127.0.0.1", "127.8.9.1", "::1", "localhost"])("does not begin at %s", async (host) => {
    const { config } = await load({ file: `grpc: { host: "${host}" }\n` });
    expect(config.grpc.host).toBe(host);
  });
});

describe("TLS", () => {
  const file = "http: { tls: { certificate: cert.pem, key: key.pem } }\n";

  test("is refused where certificate and key do not fit together, and nothing of them is repeated", async () => {
    const problems = await problemsOf({ file, files: { "cert.pem": CERTIFICATE, "key.pem": "no key" } });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(
      /^execution-platform\.yaml:1:14: http\.tls: the certificate and the key are no PEM files that fit together \(ERR_/,
    );
    expect(problems[0]).not.toContain("no key");
  });

  test("is refused where a file is not there", async () => {
    expect(await problemsOf({ file, files: { "key.pem": CERTIFICATE_KEY } })).toEqual([
      "execution-platform.yaml:1:29: http.tls.certificate: there is no such file; paths start from /srv/gateway",
    ]);
  });

  test("needs both files", async () => {
    expect(await problemsOf({ environment: { EP_TLS_CERTIFICATE: "cert.pem" } })).toEqual([
      expect.stringMatching(/^EP_TLS_CERTIFICATE: http\.tls\.key: is missing/),
    ]);
  });
});

// Mutant seen red: checkListener of grpc and http alone.
test("the admin listener off loopback needs keys and TLS as the others do", async () => {
  const problems = await problemsOf({ file: "admin: { host: 0.0.0.0 }\n" });
  expect(problems.map((problem) => problem.replace(/;.*/, ""))).toEqual([
    "execution-platform.yaml:1:16: admin.host: other machines could call without a key",
    "execution-platform.yaml:1:16: admin.host: keys and prompts would cross the network in plain text",
  ]);
});

// Mutant seen red: the variable of grpc and http for admin too.
test.each(["grpc", "http", "admin"] as const)("the variable named for %s in plain text mends it", async (section) => {
  const file = `${KEYS}${section}: { host: 0.0.0.0 }\n`;
  const [problem = ""] = await problemsOf({ file });
  const [, variable = ""] = /\((EP_\w+)=1\)/.exec(problem) ?? [];
  const { config } = await load({ file, environment: { [variable]: "1" } });
  expect(config[section]?.host).toBe("0.0.0.0");
});

describe("values that contradict each other", () => {
  test.each([
    [
      "grpc: { port: 7000 }\nhttp: { port: 7000 }\n",
      "2:15: http.port: two listeners would have port 7000; give them different ones",
    ],
    ["admin: { port: 50051 }\n", "1:16: admin.port: two listeners would have port 50051; give them different ones"],
    ["limits: { default_deadline: 2h }\n", "1:29: limits.default_deadline: is longer than limits.max_deadline"],
    [
      "limits: { max_in_flight_size: 8MiB }\n",
      "1:31: limits.max_in_flight_size: is smaller than limits.max_chat_size, so that such a request could never be taken",
    ],
    ["personas: { default: { timeout: 2h } }\n", "1:33: personas.default.timeout: is longer than limits.max_deadline"],
    [
      `auth: { keys: { a: { sha256: "${"01".repeat(32)}" }, b: { sha256: "${"01".repeat(32)}" } } }\n`,
      '1:113: auth.keys.b.sha256: is the same key as "a"; remove one of them',
    ],
  ])("are refused: %s", async (file, expected) => {
    expect(await problemsOf({ file })).toEqual([`execution-platform.yaml:${expected}`]);
  });

  test("two free ports do not", async () => {
    const { config } = await load({ file: "grpc: { port: 0 }\nhttp: { port: 0 }\n" });
    expect([config.grpc.port, config.http.port]).toEqual([0, 0]);
  });

  test("are not looked for among values that are bad themselves", async () => {
    expect(await problemsOf({ file: "auth: { keys: { a: { sha256: x } } }\nhttp: { host: 0.0.0.0 }\n" })).toEqual([
      expect.stringContaining("auth.keys.a.sha256"),
    ]);
  });
});
