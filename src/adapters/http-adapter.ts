import { warningEvent } from "../contract/events.ts";
import type { ExecutionError } from "../errors.ts";
import type { ModelCapabilities } from "../gen/execution/v1/capabilities_pb.js";
import type { Warning } from "../gen/execution/v1/chat_pb.js";
import type { Adapter, AttemptInput, ModelRequest, Preview, ProviderSettings } from "./adapter.ts";
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

/** Which attempt an answer is read for. */
export type AttemptHead = Pick<AttemptInput, "request" | "model" | "step" | "attempt">;

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
  /** Builds a request, which is the same for all attempts at it. */
  readonly build: (input: ModelRequest) => OutgoingRequest;
  /** Creates who reads the answer of one attempt. */
  readonly decoder: (input: AttemptHead) => AnswerDecoder;
  /** Reads a refusal: an answer whose status is not 2xx. */
  readonly readError: (answer: ErrorAnswer) => ExecutionError;
}

/** Creates an adapter that posts one request an attempt and reads what comes back, natively or through the official SDK. */
export function createHttpAdapter({
  settings,
  build,
  decoder,
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
  const servedFrom = settings.region ?? region;
  return {
    ...parts,
    settings,
    ...(servedFrom !== undefined && { region: servedFrom }),
    model: byModel(model),
    spends: settings.spends ?? true,
    ...(settings.defaultModel !== undefined && { defaultModel: settings.defaultModel }),
    preview: (input) => new BuiltRequest(settings, input, build(input)),
    chat: (input) =>
      exchanges.run({
        provider: settings.name,
        model: input.model,
        prepare: () => {
          const { warnings, ...request } = takeBuilt(settings, input) ?? build(input);
          return {
            first: warnings.map(warningEvent),
            request: { method: "POST", signal: input.signal, ...request },
          };
        },
        send,
        onHeaders: input.onHeaders,
        decoder: decoder(input),
        readError,
        conceal: concealFor(input.request),
      }),
    close: async () => {
      await exchanges.settled();
      await http.close();
    },
  };
}

/** A request that was built to see whether it can be, for the chat that follows it. */
class BuiltRequest implements Preview {
  readonly warnings: readonly Warning[];
  /** Whose it is: another instance has another key. */
  readonly settings: ProviderSettings;
  readonly input: ModelRequest;
  /** Given away once, so that what was sent is not held while it is answered. */
  outgoing: OutgoingRequest | undefined;

  constructor(settings: ProviderSettings, input: ModelRequest, outgoing: OutgoingRequest) {
    this.warnings = outgoing.warnings;
    this.settings = settings;
    this.input = input;
    this.outgoing = outgoing;
  }
}

/** What was built for an attempt before, if it was for the same request and model of this instance, and is still there. */
function takeBuilt(settings: ProviderSettings, { preview, request, model }: AttemptInput): OutgoingRequest | undefined {
  if (!(preview instanceof BuiltRequest) || preview.settings !== settings) return undefined;
  if (preview.input.request !== request || preview.input.model !== model) return undefined;
  const { outgoing } = preview;
  preview.outgoing = undefined;
  return outgoing;
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
