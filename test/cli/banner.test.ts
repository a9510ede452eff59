import { describe, expect, test } from "@jest/globals";
import { type BannerFacts, bannerText } from "../../src/cli/banner.ts";

const mock = { name: "mock", kind: "mock", spends: false };
const openai = { name: "work", kind: "openai", spends: true };

function facts(overrides: Partial<BannerFacts> = {}): BannerFacts {
  return {
    config: { keys: [], origins: new Map() },
    providers: [mock],
    kinds: [{ kind: "openai", needsKey: true }],
    grpcUrl: "http://127.0.0.1:50051",
    httpUrl: "http://127.0.0.1:8000",
    platformVersion: "1.2.3",
    runner: "npx ",
    watch: true,
    ...overrides,
  };
}

const keys = [{ name: "k", sha256: "", tenant: "t", roles: [], providerOptions: false }];

describe("the banner", () => {
  test("says that nothing can spend when only the mock is there, and how to add a provider", () => {
    const text = bannerText(facts());
    expect(text).toContain("No call can spend money: the only provider is the built-in mock.");
    expect(text).toContain("EP_OPENAI_API_KEY");
  });

  // Mutant seen red: a new start asked for whatever is changed.
  test("says when what is set takes effect", () => {
    const hint = (watch: boolean): string | undefined =>
      /^To add a provider .*$/m.exec(bannerText(facts({ watch })))?.[0];
    const begin = "To add a provider set EP_OPENAI_API_KEY:";
    expect(hint(true)).toBe(`${begin} in .env, which is read anew at once, or in the environment, and start again.`);
    expect(hint(false)).toBe(`${begin} in .env, and send SIGHUP, or in the environment, and start again.`);
  });

  test("names every provider that can spend, with where it is configured", () => {
    const origins = new Map([["providers.work.api_key", "file:3"]]);
    const text = bannerText(
      facts({ providers: [mock, openai, { ...openai, name: "home" }], config: { keys: [], origins } }),
    );
    expect(text).toContain(
      "Calls to these providers can spend money:\n  work (openai), configured by file:3\n  home (openai)\n",
    );
  });

  test("names both listeners", () => {
    const text = bannerText(facts({ grpcUrl: "https://[::1]:1", httpUrl: "http://127.0.0.1:2" }));
    expect(text).toContain("gRPC  https://[::1]:1");
    expect(text).toContain("HTTP  http://127.0.0.1:2");
    expect(text).not.toContain("prior-knowledge");
  });

  test("its commands send a key where one is needed, without holding one", () => {
    const header = '-H "authorization: Bearer $EXECUTION_PLATFORM_API_KEY"';
    expect(bannerText(facts())).not.toContain("authorization");
    expect(bannerText(facts({ config: { keys, origins: new Map() } })).split(header)).toHaveLength(3);
  });

  test("is plain text", () => {
    expect(bannerText(facts())).not.toMatch(/(?!\n)\p{Cc}/u);
  });
});
