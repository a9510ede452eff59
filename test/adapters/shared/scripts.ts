import fc from "fast-check";
import type { EventStep, Script, ScriptedToolCall, ScriptedUsage, Step } from "../../../src/adapters/mock/script.ts";
import type { UsageBucket, Wire, WireStep } from "./wire.ts";

type Steps = fc.Arbitrary<readonly Step[]>;

/** Text of any characters, with what has broken decoders before: line ends, event syntax, joined emoji, half-escaped quotes. */
const text: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }) },
  fc.constantFrom(
    "\n",
    "\r\n\r\n",
    "data: [DONE]\n\n",
    "\n\nevent: error\n",
    '\\"}',
    "👩‍💻",
    "e\u0301",
    "\u2028",
    "𝄞",
    " ",
    "\u0000",
  ),
);
const pieces = fc.array(text, { minLength: 1, maxLength: 5 });
const base64 = fc.uint8Array({ minLength: 1, maxLength: 12 }).map((bytes) => Buffer.from(bytes).toString("base64"));
/** Not -0, which JSON does not keep. */
const logprob = fc.nat(9000).map((thousandths) => 0 - thousandths / 1000);
const name = fc.stringMatching(/^[a-z][a-z0-9_]{0,11}$/);

/** Arguments in pieces: JSON of any kind, now and then broken, now and then none. */
const argumentPieces = fc
  .tuple(
    fc.oneof(
      fc.json({ maxDepth: 2 }),
      fc.json().map((json) => `${json},`),
    ),
    fc.array(fc.nat(40), { maxLength: 4 }),
    fc.nat(5),
  )
  .map(([json, cuts, none]) => (none === 0 ? [] : cutText(json.toWellFormed(), cuts)));

/** Arguments as the text of one object, now and then none. */
const argumentObjects = fc
  .option(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 4 }), { freq: 5 })
  .map((object) => (object === null ? [] : [JSON.stringify(JSON.parse(JSON.stringify(object))).toWellFormed()]));

function cutText(whole: string, cuts: readonly number[]): readonly string[] {
  const characters = [...whole];
  const edges = [0, ...[...new Set(cuts)].sort((a, b) => a - b), characters.length];
  return edges.map((edge, index) => characters.slice(edge, edges[index + 1]).join("")).filter((piece) => piece !== "");
}

/** A label of its own for each kind, so that no label is used for two; none on wires without parts. */
function labelled(kind: string, wire: Wire) {
  return fc.constantFrom(
    ...(wire.onePartEach || wire.partsInTurn === true ? [{}] : [{}, {}, { part: `${kind} 1` }, { part: `${kind} 2` }]),
  );
}

function streamed(kind: "text" | "reasoning" | "refusal", wire: Wire): Steps {
  const repeat = fc.constantFrom({}, {}, { repeat: 3 }, { repeat: 2, per_read: 2 });
  return fc
    .tuple(pieces, labelled(kind, wire), repeat)
    .map(([said, label, times]) => [{ [kind]: said, ...label, ...times } as Step]);
}

function toolCall(wire: Wire): fc.Arbitrary<ScriptedToolCall> {
  const ids = fc.uuid().map((uuid) => `call_${uuid}`);
  return fc
    .record({
      name,
      id: wire.omitsIds ? fc.oneof(ids, fc.constant("")) : ids,
      arguments: wire.argumentObjects === true ? argumentObjects : argumentPieces,
    })
    .chain((call) => (wire.freeForm ? fc.boolean().map((free_form) => ({ ...call, free_form })) : fc.constant(call)));
}

/** A provider's own call, and its result. */
const providerRun: Steps = fc
  .tuple(name, fc.uuid(), pieces, fc.boolean())
  .map(([tool, id, said, is_error]) => [
    { tool_call: { name: tool, id, arguments: ["{}"], executor: "PROVIDER" } },
    { tool_result: { id, text: said.join(""), is_error } },
  ]);

function contentSteps(wire: Wire): Readonly<Record<WireStep, Steps>> {
  return {
    text: streamed("text", wire),
    reasoning: streamed("reasoning", wire),
    refusal: streamed("refusal", wire),
    tool_call: toolCall(wire).map((call) => [{ tool_call: call }]),
    tool_calls: fc.array(toolCall(wire), { minLength: 2, maxLength: 3 }).map((calls) => [{ tool_calls: calls }]),
    tool_result: providerRun,
    citation: fc
      .tuple(fc.record({ url: fc.webUrl(), title: text }), labelled("text", wire))
      .map(([citation, label]) => [{ citation, ...label }]),
    logprobs: fc
      .tuple(fc.array(fc.record({ token: text, logprob }), { minLength: 1 }), labelled("text", wire))
      .map(([logprobs, label]) => [{ logprobs, ...label }]),
    image: base64.map((data) => [{ image: { data, mime_type: "image/png" } }]),
    audio: fc
      .tuple(fc.record({ data: base64, transcript: text }), labelled("audio", wire))
      .map(([audio, label]) => [{ audio: { ...audio, mime_type: "audio/wav" }, ...label }]),
    provider_state: fc
      .tuple(fc.record({ kind: name, data: base64 }), fc.constantFrom({}, { part: "text 1" }, { part: "state 1" }))
      .map(([provider_state, label]) => [{ provider_state, ...label }]),
    warning: name.map((code) => [{ warning: { code } }]),
    together: fc
      .array(fc.tuple(pieces, fc.constantFrom("text" as const, "reasoning" as const)), { minLength: 1, maxLength: 3 })
      .map((said) => [
        {
          together: said.map(([parts, kind]): EventStep => (kind === "text" ? { text: parts } : { reasoning: parts })),
        },
      ]),
  };
}

/** The sums of the buckets a wire has; totals are always there if it has them. */
function usageArbitrary(wire: Wire): fc.Arbitrary<ScriptedUsage> {
  const has = (bucket: UsageBucket): boolean => wire.usageBuckets.includes(bucket);
  const parts = wire.usageBuckets.filter((bucket) => !bucket.endsWith("_total"));
  return fc.tuple(fc.nat(9000), fc.nat(9000), ...parts.map(() => fc.nat(500))).map(([input, output, ...figures]) => {
    const buckets = Object.fromEntries(parts.map((bucket, index) => [bucket, figures[index] ?? 0]));
    const sum = (side: string): number =>
      Object.entries(buckets).reduce((total, [bucket, tokens]) => total + (bucket.startsWith(side) ? tokens : 0), 0);
    return {
      ...buckets,
      ...(has("input_total") ? { input_total: sum("input") + (has("input_uncached") ? 0 : input) } : {}),
      ...(has("output_total") ? { output_total: sum("output") + (has("output_text") ? 0 : output) } : {}),
    };
  });
}

function grown(usage: ScriptedUsage, factor: number): ScriptedUsage {
  return Object.fromEntries(
    Object.entries(usage).map(([bucket, value]) => [bucket, typeof value === "number" ? value * factor : value]),
  );
}

/** Usage to put in at the start, and at the end. */
function usageSteps(wire: Wire): fc.Arbitrary<readonly [readonly Step[], readonly Step[]]> {
  const none: readonly [readonly Step[], readonly Step[]] = [[], [{ no_usage: true }]];
  if (wire.usageBuckets.length === 0) return fc.constant(none);
  const final = usageArbitrary(wire).map((usage): readonly [readonly Step[], readonly Step[]] => [
    [],
    [{ usage: { ...usage, final: true } }],
  ]);
  const growing = usageArbitrary(wire).map((usage): readonly [readonly Step[], readonly Step[]] => [
    [{ usage }],
    [{ usage: grown(usage, 2) }, { usage: { ...grown(usage, 1), final: true } }],
  ]);
  const onlyGrowing = usageArbitrary(wire).map((usage): readonly [readonly Step[], readonly Step[]] => [
    [{ usage }],
    [{ usage: grown(usage, 3) }],
  ]);
  return fc.oneof(fc.constant(none), final, ...(wire.provisionalUsage ? [growing, onlyGrowing] : []));
}

function content(wire: Wire, size: { readonly minLength: number; readonly maxLength: number }): Steps {
  const all = contentSteps(wire);
  const delay: Steps = fc.nat(5).map((delay_ms) => [{ delay_ms }]);
  const kinds = [...wire.steps].map((step) => all[step]);
  return fc.array(fc.oneof(...kinds, ...(wire.delays ? [delay] : [])), size).map((steps) => steps.flat());
}

/** Scripts that succeed. */
export function successScripts(wire: Wire): fc.Arbitrary<Script> {
  const finish = fc.constantFrom<readonly Step[]>(
    [],
    ...wire.finishReasons.map((reason): readonly Step[] => [{ finish: { reason } }]),
  );
  return fc
    .tuple(content(wire, { minLength: 0, maxLength: 8 }), usageSteps(wire), finish)
    .map(([steps, [first, last], end]) => [...first, ...steps, ...last, ...end]);
}

/** Scripts that fail: by an error before or after content, or because the answer is cut off after some. */
export function failingScripts(wire: Wire): fc.Arbitrary<Script> {
  const before = fc
    .tuple(fc.constantFrom(...wire.errorsBefore), fc.integer({ min: 0, max: 30 }))
    .map(([reason, seconds]): Script => {
      const retry = wire.retryAfter.includes(reason) && seconds > 0 ? { retry_after_ms: seconds * 1000 } : {};
      return [{ error: { reason, ...retry } }];
    });
  const started: Steps = fc
    .tuple(pieces, content(wire, { minLength: 0, maxLength: 5 }))
    .map(([said, steps]) => [{ text: said }, ...steps]);
  const after = fc
    .tuple(started, fc.constantFrom(...wire.errorsAfter))
    .map(([steps, reason]): Script => [...steps, { error: { reason } }]);
  const cut = started.map((steps): Script => [...steps, { truncate: true }]);
  return fc.oneof(before, after, cut);
}
