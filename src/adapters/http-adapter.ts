import { warningEvent } from "../contract/events.ts";
import type { ExecutionError } from "../errors.ts";
import type { ModelCapabilities } from "../gen/execution/v1/capabilities_pb.js";
import type { ChatRequest, Warning } from "../gen/execution/v1/chat_pb.js";
import type { Adapter, AttemptInput, ModelRequest, ProviderSettings } from "./adapter.ts";
import { createConceal } from "./conceal.ts";
import { type AnswerDecoder, createExchanges } from "./exchange.ts";
import { createHttpClient } from "./http.ts";
import type { ErrorAnswer } from "./provider-error.ts";
import { createSdkSend, type SdkCall } from "./sdk-send.ts";

/** A request as an adapter builds it. */
export interface OutgoingRequest {
  readonly url: URL;
  /** In lower case, the operator's own among them. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** What was left out, to be told before anything else. */
  readonly warnings: readonly Warning[];
}

/** Which attempt is wanted. The request that is built is the same for all attempts of a step. */
export type AttemptHead = Pick<AttemptInput, "request" | "model" | "step" | "attempt">;

/** One attempt: how its request is built, once, when it is first wanted, and who reads the answer. */
export interface AttemptPlan {
  readonly build: () => OutgoingRequest;
  readonly decoder: AnswerDecoder;
}

/** What is a provider's own in an adapter over HTTP. */
export interface HttpAdapterParts {
  readonly settings: ProviderSettings;
  readonly owner: string;
  readonly seller: string;
  /** The region that the base URL says; the configuration's wins. */
  readonly region?: string | undefined;
  readonly model: (name: string) => ModelCapabilities;
  readonly models: () => readonly ModelCapabilities[];
  /** Brings the official SDK, for `transport: sdk`. Absent where there is none; the kind's `check` then refuses that transport. */
  readonly loadSdk?: () => Promise<SdkCall>;
  readonly plan: (input: AttemptHead) => AttemptPlan;
  /** Reads a refusal: an answer whose status is not 2xx. */
  readonly readError: (answer: ErrorAnswer) => ExecutionError;
}

/** Creates an adapter that posts one request an attempt and reads what comes back, natively or through the official SDK. */
export function createHttpAdapter({
  settings,
  plan,
  loadSdk,
  readError,
  model,
  region,
  ...parts
}: HttpAdapterParts): Adapter {
  const http = createHttpClient({ timeouts: settings.timeouts });
  const throughSdk = settings.transport === "sdk" && loadSdk !== undefined;
  const send = throughSdk ? createSdkSend(settings.timeouts, loadSdk) : http.send;
  const exchanges = createExchanges();
  const concealFor = createConceal(settings);
  const previewed = createPreviews();
  const servedFrom = settings.region ?? region;
  return {
    ...parts,
    settings,
    ...(servedFrom !== undefined && { region: servedFrom }),
    model: byModel(model),
    spends: settings.spends ?? true,
    ...(settings.defaultModel !== undefined && { defaultModel: settings.defaultModel }),
    preview: (input) => {
      const { build, decoder } = plan({ ...input, step: 0, attempt: 0 });
      const outgoing = build();
      previewed.keep(input, { build: () => outgoing, decoder });
      return outgoing.warnings;
    },
    chat: (input) => {
      const { build, decoder } = previewed.take(input) ?? plan(input);
      return exchanges.run({
        provider: settings.name,
        model: input.model,
        prepare: () => {
          const { warnings, ...request } = build();
          return {
            first: warnings.map(warningEvent),
            request: { method: "POST", signal: input.signal, ...request },
          };
        },
        send,
        onHeaders: input.onHeaders,
        decoder,
        readError,
        conceal: concealFor(input.request),
      });
    },
    close: async () => {
      await exchanges.settled();
      await http.close();
    },
  };
}

/** Attempts that were prepared to see whether they can be, kept for the call that follows so that nothing is made twice. */
interface Previews {
  keep(input: ModelRequest, plan: AttemptPlan): void;
  /** Gives the plan of a call's first attempt away, once. */
  take(input: AttemptHead): AttemptPlan | undefined;
}

function createPreviews(): Previews {
  // A request that is never sent is forgotten with the ChatRequest it was built from. Deleting would cost more than building.
  const prepared = new WeakMap<ChatRequest, { readonly model: string; plan: AttemptPlan | undefined }>();
  return {
    keep: ({ request, model }, plan) => prepared.set(request, { model, plan }),
    take: ({ request, model, step, attempt }) => {
      const kept = prepared.get(request);
      if (kept?.model !== model || step > 0 || attempt > 0) return undefined;
      const { plan } = kept;
      kept.plan = undefined;
      return plan;
    },
  };
}

/** The headers of a request: the exchange's own, those of the wire, and over them the operator's. Names in lower case. */
export function requestHeaders(
  { headers }: ProviderSettings,
  stream: boolean,
  own: Readonly<Record<string, string>>,
): Record<string, string> {
  const extra = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value.reveal()] as const);
  return {
    accept: stream ? "text/event-stream" : "application/json",
    "content-type": "application/json",
    "user-agent": "execution-platform",
    ...own,
    ...Object.fromEntries(extra),
  };
}

/** Models are words of the caller's, so what is kept of them is bounded. */
const MAX_KNOWN_MODELS = 100;

/** Remembers what was made for each of the last hundred or so models. What it gives is shared. */
export function byModel<Value>(make: (model: string) => Value): (model: string) => Value {
  const known = new Map<string, Value>();
  return (model) => {
    const value = known.get(model) ?? make(model);
    if (known.size >= MAX_KNOWN_MODELS) known.clear();
    known.set(model, value);
    return value;
  };
}
