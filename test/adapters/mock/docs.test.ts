import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { parse as parseYaml } from "yaml";
import { mockKind } from "../../../src/adapters/mock/index.ts";
import { ExecutionError } from "../../../src/errors.ts";
import { observe } from "../shared/observe.ts";
import { renderReads } from "./render.ts";
import { createMock, mockModel, mockSettings, userRequest } from "./rig.ts";

const page = readFileSync(new URL("../../../docs/mock.md", import.meta.url), "utf8");

/** What stands before an example, its script, and what the page says comes of it. */
const examples = [...page.matchAll(/([^\n]+):\n\n```json script\n(.*?)```\n\n```text events\n(.*?)\n```/gs)].map(
  ([, title, script, events]) => ({ title: title ?? "", script: script ?? "", events: (events ?? "").split("\n") }),
);

describe("docs/mock.md", () => {
  test("has no example that is not run", () => {
    expect(examples.length).toBe(page.split("```json script").length - 1);
    expect(examples.length).toBeGreaterThanOrEqual(8);
  });

  test.each(examples)("is right about: $title", async ({ script, events }) => {
    const adapter = createMock();
    const request = userRequest("Why is it?");
    request.providerOptionsJson = { mock: `{"script": ${script}}` };
    const { reads, error } = await observe(adapter, request, { model: "mock" });
    const failure = error instanceof ExecutionError ? [renderError(error)] : [];
    expect([...renderReads(reads), ...failure]).toEqual(events);
    await adapter.close();
  });

  test("shows configurations that pass the check", () => {
    const blocks = [...page.matchAll(/```yaml\n(.*?)```/gs)].map(([, text]) => parseYaml(text ?? ""));
    const models = blocks.flatMap(({ providers }) =>
      Object.entries<{ id: string; quirks: object }>(providers.pretend.models ?? {}),
    );
    expect(models.map(([alias]) => alias)).toEqual(["slow", "shaky"]);
    const settings = mockSettings({
      models: Object.fromEntries(
        models.map(([alias, { id, quirks }]) => [alias, mockModel(id, { quirks: { ...quirks } })]),
      ),
    });
    expect(mockKind.check(settings)).toEqual([]);
  });
});

function renderError({ reason, extras }: ExecutionError): string {
  return `error ${reason}${extras.retryAfterMs === undefined ? "" : ` after ${extras.retryAfterMs} ms`}`;
}
