import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { resolveQuirks } from "../../../src/adapters/gemini/quirk-settings.ts";
import { buildRequest } from "../../../src/adapters/gemini/request.ts";
import { geminiSettings } from "../../adapters/gemini/rig.ts";
import type { JsonObject } from "../shared/json.ts";
import { say } from "../shared/recorded-wire.ts";
import { complaint, hasPublishedSchema, loadRequestType, NEWER_FIELDS } from "./published-schema.ts";
import { randomRequests } from "./random-request.ts";
import { recordedGemini } from "./recorded-gemini.ts";
import { buildRecorded, recordedToRequest } from "./recorded-requests.ts";
import { REQUEST_EXCEPTIONS } from "./request-exceptions.ts";

/*
 * What leaves the builder is read by the published protos of the Generative Language API, unknown fields refused.
 *
 * Mutants seen red: schemas of functions sent as they are under `parameters`; a level of thinking in a field `level`; a role `assistant`.
 */

describe("bodies of generateContent", () => {
  if (!hasPublishedSchema) {
    test("need the published protos, of which this machine has none (../shared/specs)", () => {
      say("checked 0 bodies of generateContent: there are no published protos");
      expect(hasPublishedSchema).toBe(false);
    });
    return;
  }

  const type = loadRequestType();

  test("are of the published type where the request was recorded", () => {
    const refused = new Set(REQUEST_EXCEPTIONS.flatMap(({ id, refused: field }) => (field === undefined ? [] : [id])));
    const rows = recordedGemini.rows.filter(({ id, requestRecorded }) => requestRecorded && !refused.has(id));
    const newer = new Set<string>();
    const found = rows.flatMap((row) => {
      const { body } = buildRecorded(recordedToRequest(row, []));
      const wrong = complaint(type, body, (path) => newer.add(path));
      return wrong === undefined ? [] : [`${row.id}: ${wrong}`];
    });
    say(`checked ${rows.length - found.length} of ${rows.length} recorded bodies by the published protos`);
    say(`  newer than they are: ${[...newer].toSorted().join(", ")}`);
    expect(found).toEqual([]);
  });

  const models = ["gemini-3.8-flash", "gemini-3-pro-preview", "gemini-2.5-flash", "gemini-2.5-pro", "gemini-2.0-flash"];
  test.each(["json_schema", "openapi"])("are of the published type for any request, schemas as %s", (schemas) => {
    const used = new Set<string>();
    fc.assert(
      fc.property(
        randomRequests,
        fc.constantFrom(...models),
        fc.constantFrom("gemini_api", "vertex"),
        (request, model, surface) => {
          const settings = geminiSettings("http://provider.invalid", { quirks: { surface, schemas } });
          const { body } = buildRequest({ request, model, quirks: resolveQuirks(settings, model) });
          expect(complaint(type, JSON.parse(body) as JsonObject, (path) => used.add(path))).toBeUndefined();
        },
      ),
      { numRuns: 1000 },
    );
    expect(used.size).toBeLessThanOrEqual(NEWER_FIELDS.length);
  });
});
