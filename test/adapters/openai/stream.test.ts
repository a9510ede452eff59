import { describe, expect, test } from "@jest/globals";
import { fold } from "../../../src/contract/fold.ts";
import { FinishReason } from "../../../src/gen/execution/v1/chat_pb.js";
import { decodeChunks, decodeDocument, decodeErrorEvent, delta, stop, summary } from "./decode.ts";

const usage = { prompt_tokens: 5, completion_tokens: 7, total_tokens: 12 };

describe("text", () => {
  test("becomes deltas of one part, and finished comes last", () => {
    const { events, ended } = decodeChunks([
      delta({ role: "assistant", content: "" }),
      delta({ content: "Hel" }),
      delta({ content: "lo" }),
      stop(),
    ]);
    expect(summary(events)).toEqual(["text 0 Hel", "text 0 lo", "finished stop"]);
    expect(events[0]).toMatchObject({ sequence: 0, event: { value: { step: 2, part: 0 } } });
    expect(ended).toBe(true);
  });

  test("ends for a reason nobody knows with OTHER (mutant: look the word up among what every object has)", () => {
    const { events } = decodeChunks([delta({ content: "a" }), stop("constructor")]);
    expect(events.at(-1)).toMatchObject({
      event: { value: { reason: FinishReason.OTHER, providerReason: "constructor" } },
    });
  });

  test("of a whole answer is one delta", () => {
    const document = {
      choices: [{ index: 0, message: { role: "assistant", content: "Hello" }, finish_reason: "stop" }],
      usage,
    };
    expect(summary(decodeDocument(document).events)).toEqual(["text 0 Hello", "usage final 5/7", "finished stop"]);
  });

  test("keeps characters whole whose halves came apart (mutant: pass deltas on as they come)", () => {
    const chunks = [
      ...["ok \ud83d", "\ude42!"].map((content) => delta({ content })),
      delta({ reasoning: "\ud83d" }),
      stop(),
    ];
    expect(summary(decodeChunks(chunks).events)).toEqual([
      "text 0 ok ",
      "text 0 🙂!",
      "reasoning 1 \ufffd",
      "finished stop",
    ]);
  });

  test("of other choices is left out (mutant: read every choice)", () => {
    const other = { choices: [{ index: 1, delta: { content: "no" }, finish_reason: "length" }] };
    const both = {
      choices: [
        { index: 1, delta: { content: "no" } },
        { index: 0, delta: { content: "yes" } },
      ],
    };
    expect(summary(decodeChunks([other, both, stop(), other]).events)).toEqual(["text 0 yes", "finished stop"]);
  });

  test("that a server sends beside its delta as a message counts once (Perplexity)", () => {
    const chunk = { choices: [{ index: 0, delta: { content: "b" }, message: { content: "ab" } }] };
    const document = {
      choices: [{ index: 0, delta: { content: "" }, message: { content: "ab" }, finish_reason: "stop" }],
    };
    expect(summary(decodeChunks([chunk, stop()]).events)).toEqual(["text 0 b", "finished stop"]);
    expect(summary(decodeDocument(document).events)).toEqual(["text 0 ab", "finished stop"]);
  });
});

describe("reasoning and refusals", () => {
  test.each(["reasoning_content", "reasoning"])("are read from %s", (field) => {
    const { events } = decodeChunks([
      delta({ [field]: "hm" }),
      delta({ content: "x" }),
      delta({ [field]: "!" }),
      delta({ refusal: "no" }),
      stop(),
    ]);
    expect(summary(events)).toEqual(["reasoning 0 hm", "text 1 x", "reasoning 0 !", "refusal 2 no", "finished stop"]);
  });

  test("are not said twice where two fields hold the same (mutant: read both)", () => {
    const twice = {
      reasoning: "hm",
      reasoning_content: "hm",
      reasoning_details: [{ type: "reasoning.text", text: "hm", index: 0 }],
    };
    expect(summary(decodeChunks([delta(twice), stop()]).events)).toEqual(["reasoning 0 hm", "finished stop"]);
  });

  test("in parts of the content keep their order (Mistral)", () => {
    const thinking = (text: string) => ({ type: "thinking", thinking: [{ type: "text", text }] });
    const { events } = decodeChunks([
      delta({ content: "" }),
      delta({ content: [thinking("a")] }),
      delta({ content: [thinking("b")] }),
      delta({ content: "c" }),
      delta({ content: [thinking("d"), { type: "text", text: "e" }] }),
      stop(),
    ]);
    expect(summary(events)).toEqual([
      "reasoning 0 a",
      "reasoning 0 b",
      "text 1 c",
      "reasoning 2 d",
      "text 3 e",
      "finished stop",
    ]);
  });

  test("with a signature give state that joins the pieces (mutant: state of the last piece)", () => {
    const detail = (fields: object) => ({ type: "reasoning.text", index: 0, format: "f", ...fields });
    const { events } = decodeChunks(
      [
        delta({ reasoning: "a", reasoning_details: [detail({ text: "a" })] }),
        delta({ reasoning: "b", reasoning_details: [detail({ text: "b" })] }),
        delta({ reasoning_details: [detail({ signature: "s" })] }),
        delta({ content: "c" }),
        stop(),
      ],
      { vendor: "openrouter" },
    );
    const state = JSON.stringify([detail({ text: "ab", signature: "s" })]);
    expect(summary(events)).toEqual([
      "reasoning 0 a",
      "reasoning 0 b",
      "text 1 c",
      `state 0 openrouter reasoning_details ${state}`,
      "finished stop",
    ]);
  });

  test("that cannot be read are state of a part of their own, numbered when it comes", () => {
    const encrypted = { type: "reasoning.encrypted", data: "xyz", index: 0 };
    const { events } = decodeChunks([
      delta({ reasoning: null, reasoning_details: [encrypted] }),
      delta({ content: "c" }),
      stop(),
    ]);
    expect(summary(events)).toEqual([
      "text 0 c",
      `state 1 vendor reasoning_details ${JSON.stringify([encrypted])}`,
      "finished stop",
    ]);
    expect(fold(events)[0]?.parts).toHaveLength(2);
  });

  test("that are only readable give no state", () => {
    const { events } = decodeChunks([
      delta({ reasoning_details: [{ type: "reasoning.summary", summary: "s", index: 0 }] }),
      stop(),
    ]);
    expect(summary(events)).toEqual(["reasoning 0 s", "finished stop"]);
  });

  test("state beside a message stays with it (Gemini)", () => {
    const extra_content = { google: { thought_signature: "s" } };
    const { events } = decodeChunks([delta({ content: "c", extra_content }), stop()], { vendor: "gemini" });
    expect(summary(events)).toEqual([
      "text 0 c",
      `state 1 gemini extra_content ${JSON.stringify(extra_content)}`,
      "finished stop",
    ]);
  });
});

describe("the end", () => {
  test.each([
    ["stop", FinishReason.STOP],
    ["eos", FinishReason.STOP],
    ["length", FinishReason.LENGTH],
    ["model_length", FinishReason.LENGTH],
    ["tool_calls", FinishReason.TOOL_CALLS],
    ["function_call", FinishReason.TOOL_CALLS],
    ["content_filter", FinishReason.CONTENT_FILTER],
    ["sensitive", FinishReason.CONTENT_FILTER],
    ["repetition", FinishReason.OTHER],
    ["", FinishReason.OTHER],
  ])("by %j is reason %i, and the word is kept", (word, reason) => {
    expect(decodeChunks([delta({ content: "a" }), stop(word)]).events.at(-1)?.event.value).toMatchObject({
      reason,
      providerReason: word,
    });
  });

  test("by stop means tools or a refusal where there are some", () => {
    const called = decodeChunks([
      delta({ tool_calls: [{ index: 0, id: "a", function: { name: "f", arguments: "" } }] }),
      stop(),
    ]);
    expect(called.events.at(-1)?.event.value).toMatchObject({
      reason: FinishReason.TOOL_CALLS,
      providerReason: "stop",
    });
    const refused = decodeChunks([delta({ refusal: "no" }), stop()]);
    expect(refused.events.at(-1)?.event.value).toMatchObject({ reason: FinishReason.REFUSAL, providerReason: "stop" });
  });

  test("may be the clean end of the body after a finish_reason", () => {
    expect(decodeChunks([delta({ content: "a" }), stop()], { end: "eof" }).ended).toBe(true);
  });

  test.each([
    ["the body ends without a finish_reason", [delta({ content: "a" })], { end: "eof" as const }],
    ["[DONE] comes without a finish_reason", [delta({ content: "a" })], {}],
    ["[DONE] is all that comes", [], {}],
    [
      "the server is known to send [DONE] and did not",
      [delta({ content: "a" }), stop()],
      { end: "eof" as const, endMarker: "done" as const },
    ],
  ])("is missing where %s (mutant: finish when the body ends)", (_, chunks, options) => {
    const { error, ended, events } = decodeChunks(chunks, options);
    expect(error).toMatchObject({ reason: "UPSTREAM_TRUNCATED" });
    expect(ended).toBe(false);
    expect(summary(events).some((event) => event.startsWith("finished"))).toBe(false);
  });

  test("may be followed by more, which is read (mutant: finish at the finish_reason)", () => {
    const { events } = decodeChunks([
      delta({ content: "a" }),
      stop("length"),
      delta({ content: "b" }),
      stop("stop"),
      { choices: [], usage },
    ]);
    expect(summary(events)).toEqual(["text 0 a", "text 0 b", "usage so far 5/7", "usage final 5/7", "finished stop"]);
  });
});

describe("usage", () => {
  // Mutant seen red: nothing said when the answer fails.
  test("that came last is told when the answer fails, if it was held back", () => {
    const chunks = [1, 2, 3, 4, 5, 6, 7].map((completion_tokens) =>
      delta({ content: "a" }, { usage: { prompt_tokens: 9, completion_tokens } }),
    );
    const told = (count: number) =>
      summary(decodeChunks(chunks.slice(0, count), { end: "failure" }).events).filter(
        (line) => !line.startsWith("text"),
      );
    const first = [1, 2, 3, 4].map((output) => `usage so far 9/${output}`);
    expect(told(7)).toEqual([...first, "usage so far 9/7"]);
    expect(told(4)).toEqual(first);
  });

  test.each([
    ["in a last chunk", [stop(), { choices: [], usage }]],
    ["in the chunk of the finish_reason", [{ choices: [{ index: 0, delta: {}, finish_reason: "stop" }], usage }]],
    ["in the choice (Moonshot)", [{ choices: [{ index: 0, delta: {}, finish_reason: "stop", usage }] }]],
    [
      "in x_groq",
      [{ choices: [{ index: 0, delta: {}, finish_reason: "stop" }], usage: null, x_groq: { id: "r", usage } }],
    ],
  ])("is read %s", (_, chunks) => {
    const { events } = decodeChunks(chunks);
    expect(summary(events)).toEqual(["usage so far 5/7", "usage final 5/7", "finished stop"]);
    const [, final] = events.map(({ event }) => (event.case === "usage" ? event.value : undefined));
    expect(final).toMatchObject({ step: 2, attempt: 1, final: true });
    expect(JSON.parse(final?.usage?.providerUsageJson ?? "")).toEqual(usage);
  });

  test("in every chunk is told when it grows, and the last one counts though it be lower", () => {
    const at = (prompt_tokens: number, completion_tokens: number) => ({ usage: { prompt_tokens, completion_tokens } });
    const { events } = decodeChunks([
      delta({ content: "a" }, at(9, 1)),
      delta({ content: "b" }, at(9, 1)),
      delta({ content: "c" }, at(9, 3)),
      delta({}, at(5, 4)),
      stop(),
    ]);
    expect(summary(events)).toEqual([
      "text 0 a",
      "usage so far 9/1",
      "text 0 b",
      "text 0 c",
      "usage so far 9/3",
      "usage final 5/4",
      "finished stop",
    ]);
  });

  test("keeps the provider's own text, digits and order (mutant: write the parsed object)", () => {
    const written = '{"prompt_tokens":5,"cost":1.0e-05,"big":12345678901234567890,"completion_tokens":7}';
    const { events } = decodeChunks([stop(), `{"usage": ${written}, "choices": []}`]);
    const final = events.find(({ event }) => event.case === "usage" && event.value.final);
    expect(final?.event.value).toMatchObject({ usage: { providerUsageJson: written } });
  });

  const ending = { choices: [{ index: 0, delta: {}, finish_reason: "stop" }] };

  // Mutants seen red: the tier of the first chunk kept; the one in the usage not read; the cost on a usage that is not final.
  test.each([
    [
      "beside it, the last one that came",
      [
        { ...ending, service_tier: "auto" },
        { choices: [], usage, service_tier: "flex" },
      ],
      "flex",
    ],
    [
      "in an earlier chunk",
      [
        { ...ending, service_tier: "default" },
        { choices: [], usage },
      ],
      "default",
    ],
    ["in it (Mistral)", [{ ...ending, usage: { ...usage, service_tier: "standard" } }], "standard"],
    [
      "nowhere",
      [
        { ...ending, usage },
        { choices: [], service_tier: null },
      ],
      "",
    ],
  ])("has the service tier that is %s", (_, chunks, serviceTier) => {
    const { events } = decodeChunks(chunks);
    const final = events.find(({ event }) => event.case === "usage" && event.value.final);
    expect(final?.event.value).toMatchObject({ usage: { serviceTier } });
  });

  test("has the provider's own cost once it is final", () => {
    const { events } = decodeChunks([{ ...ending, usage: { ...usage, cost: 0.00256995 } }]);
    const costs = events.flatMap(({ event }) =>
      event.case === "usage" ? [event.value.usage?.providerCostNanoUsd] : [],
    );
    expect(costs).toEqual([undefined, 2_569_950n]);
  });

  test("is absent if none came", () => {
    expect(summary(decodeChunks([stop(), { choices: [], usage: null }]).events)).toEqual(["finished stop"]);
  });
});

describe("failures", () => {
  const error = { code: 502, message: "Network connection lost." };

  test("in a chunk come after its content and usage, which is final (mutant: throw first)", () => {
    const {
      events,
      error: thrown,
      ended,
    } = decodeChunks([delta({ content: "a" }), delta({ content: "b" }, { error, usage })]);
    expect(summary(events)).toEqual(["text 0 a", "text 0 b", "usage so far 5/7", "usage final 5/7"]);
    expect(thrown).toMatchObject({
      reason: "PROVIDER_UNAVAILABLE",
      extras: { providerMessage: "Network connection lost." },
    });
    expect(ended).toBe(false);
  });

  test.each([
    ["in a choice", { choices: [{ index: 0, delta: {}, error }] }, "PROVIDER_UNAVAILABLE"],
    ["as a text", { error: "the model crashed" }, "PROVIDER_UNKNOWN"],
    [
      "as an object of its own (vLLM)",
      { object: "error", message: "bad", type: "BadRequestError", code: 400 },
      "PROVIDER_REJECTED",
    ],
    ["as a finish_reason", stop("error"), "PROVIDER_MODEL_ERROR"],
  ])("are read %s", (_, chunk, reason) => {
    expect(decodeChunks([chunk]).error).toMatchObject({ reason });
  });

  test("in an error event are read with or without their wrapping, and as text", () => {
    const body = { message: "Tool choice is required", code: "tool_use_failed", type: "invalid_request_error" };
    expect(decodeErrorEvent(JSON.stringify({ error: body })).error).toMatchObject({ reason: "PROVIDER_MODEL_ERROR" });
    expect(decodeErrorEvent(JSON.stringify(body)).error).toMatchObject({ reason: "PROVIDER_MODEL_ERROR" });
    expect(decodeErrorEvent("overheated").error).toMatchObject({ extras: { providerMessage: "overheated" } });
  });

  test("in a document with status 200 are read", () => {
    expect(decodeDocument({ error: { code: 429, message: "slow down" } }).error).toMatchObject({
      reason: "PROVIDER_RATE_LIMITED",
    });
    expect(
      decodeDocument({ choices: [{ message: { content: "a" }, error, finish_reason: "error" }] }).error,
    ).toMatchObject({ reason: "PROVIDER_UNAVAILABLE" });
  });

  test("an error that is null is none", () => {
    expect(decodeChunks([delta({ content: "a" }, { error: null }), stop()]).error).toBeUndefined();
  });

  test.each(["", "{", "[1]", "null", '"text"', "<html>"])("what is no chunk is a fault of the protocol: %j", (data) => {
    expect(decodeChunks([data]).error).toMatchObject({ reason: "PROVIDER_PROTOCOL" });
  });

  test.each(["{}", '{"choices":[]}', '{"choices":null}', "[]", "{"])(
    "what is no answer is a fault of the protocol: %j",
    (document) => {
      expect(decodeDocument(document).error).toMatchObject({
        reason: expect.stringMatching(/PROVIDER_(PROTOCOL|UNKNOWN)/),
      });
    },
  );
});
