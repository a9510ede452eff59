import { alerts } from "./alert-schema.ts";
import { callSettings } from "./call-settings-schema.ts";
import { anyMap, capability, role, support } from "./contract-values.ts";
import { ledger } from "./ledger-schema.ts";
import { budget, limitsField, type limitsOf, usd } from "./limit-schema.ts";
import { adminListener, listener } from "./listener-schema.ts";
import { limits } from "./process-limits-schema.ts";
import { defaulted, list, mapping, object, optional, type ReadOf, required } from "./reader.ts";
import { personaRouting, providerRouting } from "./routing-schema.ts";
import { keyReferences, secretReference } from "./secrets.ts";
import {
  baseUrl,
  boolean,
  duration,
  host,
  integer,
  name,
  oneOf,
  origin,
  pattern,
  sha256,
  size,
  text,
} from "./values.ts";

const modelName = text(256, "model name");

const headerName = pattern("header name", /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/, "the name of an HTTP header");

const timeouts = object({
  connect: defaulted(duration("1ms", "1h"), "5s", "Longest time to connect, TLS included."),
  headers: defaulted(
    duration("1ms", "24h"),
    "300s",
    "Longest time from the request to the response's headers. An answer that is not streamed is thought out in this time.",
  ),
  idle: defaulted(
    duration("1ms", "24h"),
    "120s",
    "Longest silence between two reads of the response. Does not run while the caller is slow.",
  ),
  first_token: defaulted(
    duration("1ms", "24h"),
    "300s",
    "Longest time from the request to the first content. Where another candidate could take over it is at most half of what is left of the call.",
  ),
  total: optional(
    duration("1ms", "24h"),
    "Longest time from the request to the end of the answer. Without it the call's own.",
  ),
});

const model = object({
  id: optional(modelName, "The provider's own word for the model. Without it the alias itself."),
  capabilities: defaulted(
    mapping("CAPABILITY", capability, support),
    {},
    "What the model can do, where the platform does not know it or knows it wrongly: `native`, `emulated` or `none` for each.",
  ),
  context_window: optional(integer(1, 2 ** 32 - 1), "Context window in tokens."),
  max_output_tokens: optional(integer(1, 2 ** 32 - 1), "Largest output in tokens."),
  quirks: defaulted(anyMap, {}, "Peculiarities of this model; they win over those of the instance."),
});

const provider = object({
  kind: required(text(64, "provider kind"), "Which adapter speaks to it."),
  base_url: optional(baseUrl, "Where its API is, up to and without the operation's path. Without it the kind's own."),
  allow_insecure_http: defaulted(
    boolean,
    false,
    "Allows secrets to be sent by plain `http://` to another machine. Without it that is refused.",
  ),
  api_key: optional(
    keyReferences,
    "The provider's key: `{ env: NAME }` or `{ file: path }`, or a list of them: the next one is used while the provider refuses one or limits its rate. May be missing where `base_url` names a server that needs none.",
  ),
  headers: defaulted(
    mapping("HEADER", headerName, secretReference),
    {},
    "Headers to add to each request: text, `{ env: NAME }` or `{ file: path }`. Headers that carry credentials must not be text.",
  ),
  transport: defaulted(
    oneOf(["native", "sdk"]),
    "native",
    "`native` is the platform's own lean exchange, `sdk` the provider's official SDK.",
  ),
  timeouts: defaulted(timeouts, {}, "Limits on one exchange with the provider."),
  region: optional(
    text(64, "region"),
    "Region whose prices hold, in the vendor's word. Without it the one `base_url` names (Vertex AI, Bedrock), else wherever the vendor serves by default.",
  ),
  spends: defaulted(
    boolean,
    true,
    "False for a server that nobody bills for, such as one of your own: then its calls cost 0, and that is known.",
  ),
  default_model: optional(
    modelName,
    "Alias or provider's word of the model used where neither request nor persona names one. Without it the kind's own, if it has one.",
  ),
  models: defaulted(
    mapping("ALIAS", modelName, model),
    {},
    "Models by alias. A model that is not here is passed on as the request names it.",
  ),
  quirks: defaulted(anyMap, {}, "Peculiarities of the server, as the kind's adapter knows them."),
  limits: limitsField("What may be used here, by all together. `requests` and `concurrent` count attempts."),
  ...providerRouting,
});

const candidate = object({
  provider: required(name, "Name of a provider instance."),
  model: optional(modelName, "Alias or provider's word. Without it the instance's default model."),
  weight: optional(
    integer(0, 1_000),
    "How often it is tried first, beside the others, with the strategies `weighted` and `sticky`. 0: only after the others. Without it 1.",
  ),
});

const persona = object(
  {
    description: optional(text(1024), "What it is for, for those who read the configuration."),
    candidates: optional(
      list(candidate, 1),
      "Where it may be served, in order of preference. Without it the persona map, else `EP_PROVIDER`, else the first provider instance.",
    ),
    limits: limitsField("What its calls may use, all callers together."),
    ...callSettings,
    ...personaRouting,
  },
  ["tools"],
);

const tenant = object({
  description: optional(text(1024), "Who it is, for those who read the configuration."),
  personas: optional(list(name), "Personas its keys may use. Without it all."),
  providers: optional(list(name), "Provider instances its keys may name or be routed to. Without it all."),
  models: optional(
    list(modelName),
    "Models its keys may name or be routed to, by alias or provider's word. Without it all.",
  ),
  default_persona: optional(name, "Persona of its requests that name none. Without it `default`."),
  limits: limitsField("What its calls may use, all keys together."),
  ...callSettings,
});

/** What holds for every call unless something else is said. */
const defaults = object({
  ...callSettings,
  requires: defaulted(callSettings.requires.type, [], callSettings.requires.doc),
  max_tool_tier: defaulted(callSettings.max_tool_tier.type, 3, callSettings.max_tool_tier.doc),
  fallback_policy: defaulted(callSettings.fallback_policy.type, "allow", callSettings.fallback_policy.doc),
});

const key = object({
  sha256: required(sha256, 'SHA-256 of the key, 64 hex digits: `printf %s "$KEY" | sha256sum`.'),
  tenant: defaulted(name, "default", "Whose calls these are. A key may use no more than its tenant."),
  roles: defaulted(list(role, 1), ["caller"], "What it may do. Roles do not include one another."),
  personas: optional(list(name), "Personas it may use. Without it all."),
  providers: optional(list(name), "Provider instances it may name or be routed to. Without it all."),
  models: optional(list(modelName), "Models it may name or be routed to, by alias or provider's word. Without it all."),
  provider_options: defaulted(boolean, false, "Whether it may send `provider_options_json`."),
  limits: limitsField("What it may use."),
});

const streams = object({
  log_time: defaulted(
    duration("1s", "24h"),
    "5m",
    "How long the events of a stream are kept when it has ended, for Resume and for repeated idempotency keys.",
  ),
  log_size: defaulted(size("64KiB", "1GiB"), "4MiB", "Events kept of one stream, encoded. The oldest go first."),
  log_memory: defaulted(
    size("1MiB", "1024GiB"),
    "64MiB",
    "Events kept of all streams of the process. Those of the stream that ended first go first.",
  ),
  continue_time: defaulted(
    duration("0s", "24h"),
    "30s",
    "How long a call with `on_disconnect: CONTINUE` goes on when its last reader has left.",
  ),
  continue_limit: defaulted(
    integer(0, 100_000),
    64,
    "How many calls of the process may go on without a reader at once. What goes beyond is cancelled.",
  ),
  hand_over_time: defaulted(
    duration("0s", "24h"),
    "2m",
    "How long a process that stops goes on reading providers for callers that have gone to a peer. Only with `state`.",
  ),
});

/** What the configuration file may hold. The reference in `docs/configuration.md` is made from it. */
export const configSchema = object({
  providers: defaulted(
    mapping("NAME", name, provider),
    {},
    "Provider instances by name; several of a kind may stand side by side. Without any, and none from the environment, the mock.",
  ),
  defaults: defaulted(defaults, {}, "What holds for every call unless tenant, persona or request say otherwise."),
  personas: defaulted(
    mapping("NAME", name, persona),
    {},
    "Personas by name. Without any there is `default`, which a request that names none gets. What one says of a call wins over its tenant and `defaults`.",
  ),
  tenants: defaulted(
    mapping("NAME", name, tenant),
    {},
    "Tenants by name: what their keys may use, and what holds for their calls. With any, each key's tenant must be here, or be `default`.",
  ),
  auth: defaulted(
    object({
      keys: defaulted(
        mapping("NAME", name, key),
        {},
        "API keys by name, stored as hashes. Without any everybody may call, and the listeners are bound to loopback only.",
      ),
    }),
    {},
    "Who may call.",
  ),
  grpc: defaulted(listener(50_051), {}, "The gRPC listener."),
  http: defaulted(listener(8_000), {}, "The HTTP listener: Connect, gRPC-Web, gRPC, REST and SSE."),
  admin: defaulted(
    adminListener,
    {},
    "The admin listener: AdminService over Connect, gRPC-Web, gRPC and REST. Without keys it lets nobody change anything.",
  ),
  allowed_hosts: defaulted(
    list(host),
    [],
    "Host names the listeners answer to beside loopback names. Without any, and with keys, all.",
  ),
  allowed_origins: defaulted(list(origin), [], "Origins of web pages that may call, exact. Loopback is not implied."),
  limits: defaulted(limits, {}, "Limits that protect the process."),
  alerts: defaulted(
    alerts,
    [],
    "Who is told by a signed webhook when budgets reach shares of their amounts. See [administration](administration.md#alerts).",
  ),
  budgets: defaulted(
    list(budget),
    [],
    "Budgets and limits that are not somebody's own `limits`: for each of a kind, for models and end users, soft ones. See [budgets](budgets.md).",
  ),
  streams: defaulted(streams, {}, "What is kept of streams, and what goes on without a reader."),
  state: optional(
    object({
      url: required(
        secretReference,
        "Valkey or Redis server, 7 or later: `redis://host:6379`, `rediss:` for TLS. With a password `{ env: NAME }` or `{ file: path }`.",
      ),
      outage_usd: optional(
        usd,
        "US dollars that each hard budget in money may use, in each process and window, while the server cannot be reached; other limits are then counted by each process for itself. Without it hard limits let nothing through.",
      ),
    }),
    "Where processes share streams, idempotency keys and budgets. Without it each keeps its own, in memory.",
  ),
  prices: optional(
    object({
      file: required(
        text(4096, "path"),
        "YAML file with prices of your own; [Costs](costs.md#prices-of-your-own) says what it holds.",
      ),
    }),
    "Prices of your own, over the built-in ones. Without it those alone.",
  ),
  data_dir: defaulted(
    text(4096),
    "data",
    "Directory of what outlives the process, from the working directory. Made if it is not there, for its owner only; one process's alone.",
  ),
  ledger: defaulted(ledger, {}, "What attempts cost, and how long it is kept."),
  log_level: defaulted(
    oneOf(["debug", "info", "warn", "error", "silent"]),
    "info",
    "Least severe level that is logged.",
  ),
});

/** What the sections of a file read to. */
export type FileValues = ReadOf<typeof configSchema>;
export type ProviderEntry = ReadOf<typeof provider>;
export type ModelEntry = ReadOf<typeof model>;
export type PersonaEntry = ReadOf<typeof persona>;
export type TenantEntry = ReadOf<typeof tenant>;
export type LimitsEntry = ReadOf<typeof limitsOf>;
export type BudgetEntry = ReadOf<typeof budget>;
export type KeyEntry = ReadOf<typeof key>;
