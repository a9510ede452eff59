import { describe, expect, test } from "@jest/globals";
import { load, problemsOf } from "./load-from.ts";

describe("variables alone", () => {
  test("a key makes an instance up, and the persona default is served by it", async () => {
    const { config, notices } = await load({ environment: { EP_OPENAI_API_KEY: " sk-1\n", EP_OPENAI_MODEL: "gpt" } });
    expect(Object.keys(config.providers)).toEqual(["openai"]);
    expect(config.providers.openai?.apiKey?.reveal()).toBe("sk-1");
    expect(config.providers.openai?.defaultModel).toBe("gpt");
    expect(config.providers.openai?.baseUrl).toBeUndefined();
    expect(config.personas.default?.candidates).toEqual([{ provider: "openai" }]);
    expect(config.origins.get("providers.openai")).toBe("environment:EP_OPENAI_API_KEY");
    expect(config.origins.get("providers.openai.api_key")).toBe("environment:EP_OPENAI_API_KEY");
    expect(config.origins.get("providers.openai.default_model")).toBe("environment:EP_OPENAI_MODEL");
    expect(notices).toEqual([]);
  });

  test("a key of an .env file counts as well, and the place is told", async () => {
    const { config } = await load({ files: { ".env": "A=1\nEP_OPENAI_API_KEY=sk-1\n" } });
    expect(config.providers.openai?.apiKey?.reveal()).toBe("sk-1");
    expect(config.origins.get("providers.openai")).toBe("environment:EP_OPENAI_API_KEY (.env:2)");
  });

  test("a base URL makes one up for a server without keys", async () => {
    const { config } = await load({ environment: { EP_OPENAI_BASE_URL: "http://127.0.0.1:9000/v1" } });
    expect(config.providers.openai).toMatchObject({ kind: "openai", baseUrl: "http://127.0.0.1:9000/v1" });
    expect(config.providers.openai?.apiKey).toBeUndefined();
  });

  test("a model alone does not, and that is said", async () => {
    const { config, notices } = await load({ environment: { EP_OPENAI_MODEL: "gpt" } });
    expect(Object.keys(config.providers)).toEqual(["mock"]);
    expect(notices).toEqual([
      "EP_OPENAI_MODEL has no effect: it needs EP_OPENAI_API_KEY or EP_OPENAI_BASE_URL beside it",
    ]);
  });

  test("EP_PROVIDER and EP_MODEL choose for personas that name no candidates", async () => {
    const { config } = await load({
      file: "personas: { default: {}, other: {}, fixed: { candidates: [{ provider: openai }] } }\n",
      environment: { EP_OPENAI_API_KEY: "sk-1", EP_PROVIDER: "mock", EP_MODEL: "m" },
    });
    const chosen = [{ provider: "mock", model: "m" }];
    expect(Object.keys(config.providers).toSorted()).toEqual(["mock", "openai"]);
    expect(config.personas.default?.candidates).toEqual(chosen);
    expect(config.personas.other?.candidates).toEqual(chosen);
    expect(config.personas.fixed?.candidates).toEqual([{ provider: "openai" }]);
    expect(config.origins.get("personas.other.candidates[0].provider")).toBe("environment:EP_PROVIDER");
    expect(config.origins.get("personas.other.candidates[0].model")).toBe("environment:EP_MODEL");
  });

  test("EP_PROVIDER of a kind without its key is refused with how to mend it", async () => {
    expect(await problemsOf({ environment: { EP_PROVIDER: "openai" } })).toEqual([
      'EP_PROVIDER: personas.default.candidates[0].provider: there is no provider instance "openai"; the instances are mock. Set EP_OPENAI_API_KEY, or add it to the file.',
    ]);
  });
});

describe("variables over a file", () => {
  test("lay their values over the instance that is named like the kind", async () => {
    const { config } = await load({
      file: "providers: { openai: { kind: openai, api_key: { file: ./key }, base_url: https://a.example/v1 } }\n",
      files: { key: "sk-file" },
      environment: { EP_OPENAI_API_KEY: "sk-variable", EP_OPENAI_BASE_URL: "https://b.example/v1" },
    });
    expect(config.providers.openai?.apiKey?.reveal()).toBe("sk-variable");
    expect(config.providers.openai?.baseUrl).toBe("https://b.example/v1");
    expect(config.origins.get("providers.openai.api_key")).toBe("environment:EP_OPENAI_API_KEY");
    expect(config.origins.get("providers.openai.kind")).toBe("file:1");
  });

  test("add an instance after those of the file", async () => {
    const { config } = await load({
      file: "providers: { near: { kind: openai, base_url: http://127.0.0.1:1 } }\n",
      environment: { EP_OPENAI_API_KEY: "sk-1" },
    });
    expect(Object.keys(config.providers)).toEqual(["near", "openai"]);
    expect(config.personas.default?.candidates).toEqual([{ provider: "near" }]);
  });

  test("add none if the file gives the key to an instance of another name", async () => {
    const { config, notices } = await load({
      file: "providers: { main: { kind: openai, api_key: { env: EP_OPENAI_API_KEY } } }\n",
      environment: { EP_OPENAI_API_KEY: "sk-1", EP_OPENAI_MODEL: "gpt" },
    });
    expect(Object.keys(config.providers)).toEqual(["main"]);
    expect(notices).toEqual(['EP_OPENAI_MODEL has no effect: the file has no instance "openai"']);
  });

  test("leave an instance of another kind alone", async () => {
    const { config, notices } = await load({
      file: "providers: { openai: { kind: mock } }\n",
      environment: { EP_OPENAI_API_KEY: "sk-1" },
    });
    expect(config.providers.openai?.kind).toBe("mock");
    expect(config.providers.openai?.apiKey).toBeUndefined();
    expect(notices).toEqual(['EP_OPENAI_API_KEY has no effect: the instance "openai" is of another kind']);
  });
});

describe("a vendor's own variable", () => {
  test("never makes anything spend by itself", async () => {
    const worlds = [{}, { EP_USE_VENDOR_KEYS: "0" }, { EP_USE_VENDOR_KEYS: "false" }, { EP_USE_VENDOR_KEYS: "" }];
    for (const environment of worlds) {
      const { config, notices } = await load({ environment: { OPENAI_API_KEY: "sk-vendor", ...environment } });
      expect(Object.keys(config.providers)).toEqual(["mock"]);
      expect(notices).toEqual(["OPENAI_API_KEY is set but not used: EP_USE_VENDOR_KEYS=1 lets it enable openai"]);
    }
  });

  test("enables its provider with EP_USE_VENDOR_KEYS=1", async () => {
    const { config, notices } = await load({ environment: { OPENAI_API_KEY: "sk-vendor", EP_USE_VENDOR_KEYS: "1" } });
    expect(config.providers.openai?.apiKey?.reveal()).toBe("sk-vendor");
    expect(config.origins.get("providers.openai.api_key")).toBe("environment:OPENAI_API_KEY");
    expect(notices).toEqual([]);
  });

  test("gives way to our own variable and to a key of the file", async () => {
    const environment = { OPENAI_API_KEY: "sk-vendor", EP_USE_VENDOR_KEYS: "1" };
    const own = await load({ environment: { ...environment, EP_OPENAI_API_KEY: "sk-own" } });
    expect(own.config.providers.openai?.apiKey?.reveal()).toBe("sk-own");
    const file = await load({
      file: "providers: { openai: { kind: openai, api_key: { file: key } } }\n",
      files: { key: "sk-file" },
      environment,
    });
    expect(file.config.providers.openai?.apiKey?.reveal()).toBe("sk-file");
  });

  test("is used where the file asks for it by name", async () => {
    const { config } = await load({
      file: "providers: { main: { kind: openai, api_key: { env: OPENAI_API_KEY } } }\n",
      environment: { OPENAI_API_KEY: "sk-vendor" },
    });
    expect(config.providers.main?.apiKey?.reveal()).toBe("sk-vendor");
  });

  test("needs a switch that is plainly on or off", async () => {
    expect(await problemsOf({ environment: { EP_USE_VENDOR_KEYS: "yes" } })).toEqual([
      "EP_USE_VENDOR_KEYS: : must be 1 or 0",
    ]);
  });
});
