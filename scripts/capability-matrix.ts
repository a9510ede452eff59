/**
 * Writes the matrix of `docs/capabilities.md` from what the adapters know of their models: `node scripts/capability-matrix.ts`. A test fails when
 * it is not current. Which hints a model takes is asked of the adapter's own builder.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Adapter, AdapterKind } from "../src/adapters/adapter.ts";
import { adapterKinds } from "../src/adapters/index.ts";
import { ExecutionError } from "../src/errors.ts";
import { Capability, type ModelCapabilities, Support } from "../src/gen/execution/v1/capabilities_pb.js";
import { type ChatRequest, ChatRequestSchema, Verbosity } from "../src/gen/execution/v1/chat_pb.js";
import { MessageRole } from "../src/gen/execution/v1/content_pb.js";

const page = new URL("../docs/capabilities.md", import.meta.url);

const START = "<!-- matrix: made by scripts/capability-matrix.ts, do not edit -->";
const END = "<!-- end of matrix -->";

/** The page with its matrix made anew. Throws if it has no place for one. */
export async function withMatrix(text: string): Promise<string> {
  const start = text.indexOf(START);
  const end = text.indexOf(END);
  if (start < 0 || end < start) throw new Error(`the page must have the lines ${START} and ${END}`);
  const sections = await Promise.all(adapterKinds.map(sectionOf));
  return `${text.slice(0, start)}${START}\n\n${sections.join("\n")}\n${text.slice(end)}`;
}

const CAPABILITIES = Object.values(Capability).filter(
  (value): value is Capability => typeof value === "number" && value !== Capability.UNSPECIFIED,
);

const SUPPORT_CELLS = {
  [Support.UNSPECIFIED]: "?",
  [Support.NATIVE]: "yes",
  [Support.EMULATED]: "emulated",
  [Support.NONE]: "",
} as const;

type RequestInit = Exclude<MessageInitShape<typeof ChatRequestSchema>, ChatRequest>;

const HELLO = [{ role: MessageRole.USER, parts: [{ kind: { case: "text" as const, value: { text: "hi" } } }] }];

/** A request for each hint there is, that has the hint and nothing else a model may lack. */
const HINTS: Readonly<Record<string, RequestInit>> = {
  temperature: { sampling: { temperature: 0.5 } },
  top_p: { sampling: { topP: 0.5 } },
  top_k: { sampling: { topK: 3 } },
  min_p: { sampling: { minP: 0.1 } },
  stop: { sampling: { stop: ["###"] } },
  seed: { sampling: { seed: 7n } },
  frequency_penalty: { sampling: { frequencyPenalty: 0.1 } },
  presence_penalty: { sampling: { presencePenalty: 0.1 } },
  repetition_penalty: { sampling: { repetitionPenalty: 1.1 } },
  logit_bias: { sampling: { logitBias: { 1: 1 } } },
  verbosity: { verbosity: Verbosity.LOW },
  service_tier: { serviceTier: "default" },
  cache_key: { cacheKey: "group" },
  store: { store: false },
  end_user_id: { endUserId: "somebody" },
};

async function sectionOf(kind: AdapterKind): Promise<string> {
  const { kind: name } = kind;
  const adapter = kind.create(
    {
      name,
      kind: name,
      headers: {},
      transport: "native",
      timeouts: { connectMs: 1, headersMs: 1, idleMs: 1 },
      models: {},
      quirks: {},
    },
    { now: () => 0, newId: () => "" },
  );
  try {
    const models = adapter.models();
    const sources = new Set(models.map(({ asOf, source }) => `As of ${asOf}, from ${source}.`));
    return `### \`${name}\`\n\n${[...sources].join(" ")}\n\n${tableOf(adapter, models)}`;
  } finally {
    await adapter.close();
  }
}

function tableOf(adapter: Adapter, models: readonly ModelCapabilities[]): string {
  const known = CAPABILITIES.filter((capability) => models.some((model) => cellOf(model, capability) !== ""));
  const alike = new Map<string, { readonly names: string[]; readonly cells: readonly string[] }>();
  for (const model of models) {
    const cells = [
      tokens(model.contextWindow),
      tokens(model.maxOutputTokens),
      ...known.map((capability) => cellOf(model, capability)),
      leftOut(adapter, model.model).join(", "),
    ];
    const group = alike.get(JSON.stringify(cells));
    if (group === undefined) alike.set(JSON.stringify(cells), { names: [model.model], cells });
    else group.names.push(model.model);
  }
  const head = ["model", "context", "output", ...known.map(capabilityWord), "leaves out"];
  const rows = [...alike.values()].map(({ names, cells }) => [names.map(code).join(", "), ...cells]);
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const table = [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
  const lacking = CAPABILITIES.filter((capability) => !known.includes(capability)).map(capabilityWord);
  return `${table}\n${lacking.length === 0 ? "" : `\nNone of them has ${lacking.join(", ")}.\n`}`;
}

function cellOf(model: ModelCapabilities, capability: Capability): string {
  const listed = model.capabilities.find((entry) => entry.capability === capability);
  return SUPPORT_CELLS[listed?.support ?? Support.UNSPECIFIED];
}

/** The hints that a request to a model is sent without, and those it is refused for. */
function leftOut(adapter: Adapter, model: string): readonly string[] {
  return Object.entries(HINTS).flatMap(([name, hint]) => {
    try {
      const { warnings } = adapter.preview({ request: create(ChatRequestSchema, { messages: HELLO, ...hint }), model });
      return warnings.some(({ code: word }) => word === "FIELD_IGNORED") ? [name] : [];
    } catch (thrown) {
      if (thrown instanceof ExecutionError) return [`${name} (refused)`];
      throw thrown;
    }
  });
}

function tokens(count: number | undefined): string {
  return count === undefined ? "" : count.toLocaleString("en");
}

/** `image input` for IMAGE_INPUT. */
function capabilityWord(capability: Capability): string {
  return (Capability[capability] ?? String(capability)).toLowerCase().replaceAll("_", " ");
}

function code(text: string): string {
  return `\`${text}\``;
}

if (import.meta.main) writeFileSync(page, await withMatrix(readFileSync(page, "utf8")));
