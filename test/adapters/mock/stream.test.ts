import { describe, expect, test } from "@jest/globals";
import { parseScripts } from "../../../src/adapters/mock/parse.ts";
import { type Beat, type PlayContext, playScript } from "../../../src/adapters/mock/stream.ts";
import { UsageSource } from "../../../src/gen/execution/v1/usage_pb.js";
import { renderReads } from "./render.ts";

function play(script: readonly unknown[], context: Partial<PlayContext> = {}): Generator<Beat> {
  const parsed = parseScripts({ script });
  if ("problems" in parsed) throw new Error(JSON.stringify(parsed.problems));
  return playScript(parsed.scripts[0] ?? [], {
    step: 0,
    attempt: 0,
    countInput: () => ({ text: 3, image: 0, audio: 0, cached: 0 }),
    toolCalls: 0,
    newId: () => "minted",
    ...context,
  });
}

const read = (script: readonly unknown[], context?: Partial<PlayContext>): readonly string[] =>
  [...play(script, context)].flatMap((beat) =>
    beat.kind === "read" ? renderReads([beat.events]) : [JSON.stringify(beat)],
  );

const quiet = { no_usage: true };

describe("a script that is played", () => {
  test("is made no faster than it is read (mutants: all events of a step are made first; all beats are)", () => {
    let minted = 0;
    const newId = (): string => {
      minted += 1;
      return `${minted}`;
    };
    const calls = Array.from({ length: 100 }, (_, index) => ({ name: `call_${index}`, id: "" }));
    const beats = play([{ text: "a", repeat: 1_000 }, { tool_calls: calls }], { newId });
    const texts = Array.from({ length: 1_000 }, () => beats.next().value);
    expect(minted).toBe(0);
    expect(new Set(texts.slice(0, 3).flatMap((beat) => (beat?.kind === "read" ? beat.events : []))).size).toBe(3);
    beats.next();
    expect(minted).toBe(1);
    beats.return(undefined);
  });

  test("arrives in the reads it says (mutant: together is one read an event)", () => {
    const together = [{ text: ["a", "b"] }, { reasoning: "c" }, { warning: { code: "W" } }];
    expect(read([{ together }, { text: ["d", "e", "f"], per_read: 2 }, quiet])).toEqual([
      'text #0 "a" | text #0 "b" | reasoning #1 "c" | warning W',
      'text #2 "d" | text #2 "e"',
      'text #2 "f"',
      "finished STOP (stop)",
    ]);
  });

  test("waits and fails where it says", () => {
    expect(read([{ delay_ms: 7 }, { text: "a" }, { error: { reason: "PROVIDER_DNS", retry_after_ms: 1 } }])).toEqual([
      '{"kind":"wait","delayMs":7}',
      'text #0 "a"',
      '{"kind":"fail","error":{"reason":"PROVIDER_DNS","retry_after_ms":1}}',
    ]);
    expect([...play([{ text: "a" }, { stall: true }])].at(-1)).toEqual({
      kind: "wait",
      delayMs: Number.POSITIVE_INFINITY,
    });
    expect(read([{ text: "a" }, { truncate: true }])).toEqual(['text #0 "a"']);
  });

  test("interleaves parallel calls, and numbers the ids it gives after those of the conversation (mutant: from 1 again)", () => {
    const calls = [
      { name: "a", arguments: ["[1", "]"] },
      { name: "b", arguments: ["{", "}", " "] },
      { name: "c", id: "own" },
    ];
    expect(read([{ tool_calls: calls }, quiet], { toolCalls: 4 })).toEqual([
      "call #0 a mock_call_5",
      "call #1 b mock_call_6",
      "call #2 c own",
      "arguments #0 [1",
      "arguments #1 {",
      "arguments #0 ]",
      "arguments #1 }",
      "arguments #1  ",
      "called #0 [1]",
      "called #1 {} ",
      "called #2 {}",
      "finished TOOL_CALLS (tool_calls)",
    ]);
  });

  test("marks calls that are free-form, broken or minted", () => {
    expect(
      read([
        { tool_call: { name: "a", id: "", free_form: true } },
        { tool_call: { name: "b", arguments: "{" } },
        quiet,
      ]),
    ).toEqual([
      "call #0 a minted minted free-form",
      "called #0  invalid",
      "call #1 b mock_call_1",
      "arguments #1 {",
      "called #1 { invalid",
      "finished TOOL_CALLS (tool_calls)",
    ]);
  });

  test("finishes with STOP unless a tool of the caller is called, in its own words if it has some", () => {
    expect(read([{ tool_call: { name: "s", id: "1", executor: "PROVIDER" } }, quiet]).at(-1)).toBe(
      "finished STOP (stop)",
    );
    const finish = { reason: "REFUSAL", provider_reason: "safety", provider_message: "no" };
    const [last] = [...play([quiet, { finish }])].flatMap((beat) => (beat.kind === "read" ? beat.events : []));
    expect(last?.event.value).toMatchObject({ providerReason: "safety", providerMessage: "no" });
  });

  test("continues parts by kind and label, and ties notes to their text", () => {
    const script = [
      { text: "a" },
      { text: "b" },
      { reasoning: "c" },
      { citation: { url: "u" } },
      { text: "d" },
      { text: "e", part: "x" },
      { image: { data: "AA==", mime_type: "image/png" } },
      { provider_state: { kind: "k", data: "" } },
      { logprobs: [{ token: "a", logprob: -1 }] },
      { text: "f", part: "x" },
      { provider_state: { kind: "own", data: "" }, part: "y" },
      { audio: { data: "AAA=", transcript: "g" } },
      quiet,
    ];
    expect(read(script)).toEqual([
      'text #0 "a"',
      'text #0 "b"',
      'reasoning #1 "c"',
      "citation #0 u",
      'text #0 "d"',
      'text #2 "e"',
      "image #3 image/png",
      "state #3 mock/k",
      'logprobs #2 "a" -1',
      'text #2 "f"',
      "state #4 mock/own",
      'audio #5 2 bytes "g"',
      "finished STOP (stop)",
    ]);
  });
});

describe("usage", () => {
  const usages = (script: readonly unknown[], context?: Partial<PlayContext>) =>
    [...play(script, context)].flatMap((beat) =>
      beat.kind === "read" ? beat.events.flatMap(({ event }) => (event.case === "usage" ? [event.value] : [])) : [],
    );

  test("is counted by the rule of the page where the script gives none (mutant: count characters, not words)", () => {
    const script = [
      { reasoning: "one two" },
      { text: ["incomprehensible", " ", "a b"], repeat: 2 },
      { refusal: "no" },
      { tool_call: { name: "look_up", arguments: ['{"a":', " 1}"] } },
      { tool_call: { name: "search", id: "1", executor: "PROVIDER" } },
      { image: { data: "AA==", mime_type: "image/png" } },
      { audio: { transcript: "la la la" } },
    ];
    const [usage] = usages(script, {
      attempt: 2,
      step: 1,
      countInput: () => ({ text: 5, image: 100, audio: 0, cached: 7 }),
    });
    expect(usage).toMatchObject({ final: true, step: 1, attempt: 2 });
    expect(usage?.usage).toMatchObject({
      inputTotal: 112,
      inputUncached: 5,
      inputCacheRead: 7,
      inputImage: 100,
      outputTotal: 118,
      outputText: 13,
      outputReasoning: 2,
      outputImage: 100,
      outputAudio: 3,
      source: UsageSource.PROVIDER,
      extras: [{ name: "search", quantity: 1 }],
    });
    expect(usage?.usage?.inputAudio).toBeUndefined();
    expect(JSON.parse(usage?.usage?.providerUsageJson ?? "")).toMatchObject({ input_total: 112, output_total: 118 });
  });

  test("of the script is given as it is, and unknown buckets stay absent", () => {
    const [usage, ...more] = usages([
      { usage: { output_total: 0, extras: [{ name: "x", quantity: 2 }], final: true } },
    ]);
    expect(more).toEqual([]);
    expect(usage?.usage).toEqual({
      $typeName: "execution.v1.Usage",
      outputTotal: 0,
      extras: [{ $typeName: "execution.v1.BilledExtra", name: "x", quantity: 2 }],
      serviceTier: "",
      source: UsageSource.PROVIDER,
      providerUsageJson: '{"output_total":0,"extras":[{"name":"x","quantity":2}]}',
    });
  });

  test("that was only provisional is made final at the end, and none is given where none is wanted", () => {
    const growing = usages([{ usage: { input_total: 1 } }, { usage: { input_total: 2 } }]);
    expect(growing.map(({ usage, final }) => [usage?.inputTotal, final])).toEqual([
      [1, false],
      [2, false],
      [2, true],
    ]);
    expect(usages([{ text: "a" }, quiet])).toEqual([]);
    expect(usages([{ text: "a" }, { truncate: true }])).toEqual([]);
  });
});
