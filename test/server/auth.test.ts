import { describe, expect, test } from "@jest/globals";
import type { KeySettings, TenantSettings } from "../../src/config/config.ts";
import { Role } from "../../src/gen/execution/v1/options_pb.js";
import type { Principal } from "../../src/router/call.ts";
import { createKeyAuthentication, hashKey } from "../../src/server/auth.ts";

const key = (extra: Partial<KeySettings> = {}): KeySettings => ({
  name: "ci",
  sha256: hashKey("the key"),
  tenant: "acme",
  roles: [Role.CALLER],
  providerOptions: false,
  ...extra,
});

const principal = (keys: readonly KeySettings[], tenants: Readonly<Record<string, TenantSettings>>): Principal =>
  createKeyAuthentication({ keys, tenants })((name) => (name === "x-api-key" ? "the key" : undefined));

describe("what a key may use", () => {
  const tenants = { acme: { name: "acme", personas: ["a", "b"], models: ["small"] } };

  // Mutant seen red: the tenant's scope not looked at.
  test("is what its tenant may use, where it does not say less itself", () => {
    expect(principal([key()], tenants)).toMatchObject({ personas: ["a", "b"], models: ["small"] });
    expect(principal([key({ personas: ["a"] })], tenants)).toMatchObject({ personas: ["a"], models: ["small"] });
    expect(principal([key()], tenants).providers).toBeUndefined();
  });

  test("is not narrowed by another tenant, nor by a name that means something to JavaScript", () => {
    for (const tenant of ["other", "constructor"]) {
      expect(principal([key({ tenant })], tenants).personas).toBeUndefined();
    }
  });

  test("is the tenant default's for callers without a key", () => {
    expect(principal([], { default: { name: "default", personas: ["a"] } })).toMatchObject({
      key: "anonymous",
      tenant: "default",
      personas: ["a"],
    });
  });
});
