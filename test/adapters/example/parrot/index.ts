import type { Adapter, AdapterKind, ProviderSettings } from "../../../../src/adapters/adapter.ts";
import { createHttpAdapter, requestHeaders } from "../../../../src/adapters/http-adapter.ts";
import { checkHeaders, joinUrl } from "../../../../src/adapters/request-head.ts";
import { readError } from "./errors.ts";
import { capabilitiesOf, modelsOf } from "./models.ts";
import { buildRequest } from "./request.ts";
import { createDecoder } from "./stream.ts";

/**
 * A provider that does not exist, with a wire of its own: `POST {base URL}/talk`. The smallest adapter over HTTP that keeps every rule; a guide
 * for a new one, and the proof that it is one folder and one line.
 */
export const parrotKind: AdapterKind = {
  kind: "parrot",
  needsKey: true,
  check: (settings) => [
    ...(settings.baseUrl === undefined ? [{ path: ["base_url"], message: "is needed: parrots have no home" }] : []),
    ...(settings.transport === "sdk" ? [{ path: ["transport"], message: "must be native: there is no SDK" }] : []),
    ...Object.keys(settings.quirks).map((quirk) => ({ path: ["quirks", quirk], message: "is no quirk of a parrot" })),
    ...checkHeaders(settings),
  ],
  create: (settings, { now }) => createParrot(settings, now),
};

function createParrot(settings: ProviderSettings, now: () => number): Adapter {
  const key = settings.apiKey?.reveal();
  const authorization: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` };
  return createHttpAdapter({
    settings,
    owner: "parrot",
    seller: "parrot",
    model: (name) => capabilitiesOf(settings, name),
    models: () => modelsOf(settings),
    build: ({ request, model }) => {
      const { path, body, warnings } = buildRequest(request, model);
      const url = joinUrl(settings.baseUrl ?? "", path);
      return { url, headers: requestHeaders(settings, true, authorization), body, warnings };
    },
    decoder: ({ step, attempt }) => createDecoder({ step, attempt }),
    readError: (answer) => readError(answer, now()),
  });
}
