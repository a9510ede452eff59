import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { splitPieces } from "../../../src/adapters/mock/tokens.ts";
import type { ExecutionError } from "../../../src/errors.ts";
import { ChatRequestSchema, Modality, ReasoningEffort } from "../../../src/gen/execution/v1/chat_pb.js";
import { Executor, MessageRole, type PartSchema } from "../../../src/gen/execution/v1/content_pb.js";
import { ToolChoiceMode } from "../../../src/gen/execution/v1/tools_pb.js";
import { brokenInvariants } from "../shared/invariants.ts";
import { answerOfEvents, observe } from "../shared/observe.ts";
import { createMock } from "./rig.ts";

type Request = Omit<MessageInitShape<typeof ChatRequestSchema>, "$typeName" | "$unknown">;
type PartInit = Omit<MessageInitShape<typeof PartSchema>, "$typeName" | "$unknown">;

const text = (value: string): PartInit => ({ kind: { case: "text", value: { text: value } } });
const user = (...parts: readonly (string | PartInit)[]) => ({
  role: MessageRole.USER,
  parts: parts.map((part) => (typeof part === "string" ? text(part) : part)),
});
const result = (id: string, said: string, isError = false) => ({
  role: MessageRole.TOOL,
  parts: [{ kind: { case: "toolResult" as const, value: { toolCallId: id, parts: [text(said)], isError } } }],
});
const calling = (id: string, name: string) => ({
  role: MessageRole.ASSISTANT,
  parts: [{ kind: { case: "toolCall" as const, value: { id, name, argumentsJson: "{}" } } }],
});
const weather = {
  name: "get_weather",
  parametersJson: '{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}',
};
const time = { name: "get_time" };

/** What comes of a request, its invariants checked. */
async function ask(request: Request, model = "mock") {
  const { reads, error } = await observe(createMock(), create(ChatRequestSchema, request), { model });
  const events = reads.flat();
  const outcome = error === undefined ? "success" : "error";
  expect(brokenInvariants(events, { step: 0, attempt: 0, outcome })).toEqual([]);
  const answer = answerOfEvents(events, error);
  const said = answer.parts.map((part) =>
    [part.kind, part.call?.name, part.text].filter((word) => word !== undefined).join(" "),
  );
  return { ...answer, events, said, error };
}

describe("the default answer", () => {
  test("greets and repeats what was said, characters of many bytes and all, in the same pieces each time", async () => {
    const first = await ask({ messages: [user("Warum ist der Himmel blau? 空 👩‍💻")] });
    expect(first.said).toEqual(["text Hello from the mock! You said: Warum ist der Himmel blau? 空 👩‍💻"]);
    expect(first.finish).toBe("STOP");
    expect(first.usage).toEqual({ input_total: 8, input_uncached: 8, output_total: 13, output_text: 13 });
    const second = await ask({ messages: [user("Warum ist der Himmel blau? 空 👩‍💻")] });
    expect(second.events).toEqual(first.events);
  });

  test("takes the user's last text, and little of a long one", async () => {
    const { said } = await ask({
      messages: [user("first"), { role: MessageRole.ASSISTANT, parts: [text("no")] }, user("𝄞".repeat(10_000))],
    });
    expect(said).toEqual([`text Hello from the mock! You said: ${"𝄞".repeat(200)}...`]);
  });

  test("counts what came beside text, and greets where there is none", async () => {
    const image: PartInit = {
      kind: { case: "image", value: { source: { case: "url", value: "https://example.com/a.png" } } },
    };
    const document: PartInit = { kind: { case: "document", value: { source: { case: "text", value: "two words" } } } };
    const { said, usage } = await ask({ messages: [user(image, image, document)] });
    expect(said).toEqual(["text Hello from the mock! Ask me anything. I also got 2 images, 1 document."]);
    expect(usage).toMatchObject({ input_total: 203, input_uncached: 3, input_image: 200 });
  });

  test("continues a prefix", async () => {
    const { said } = await ask({
      messages: [user("Go"), { role: MessageRole.ASSISTANT, parts: [text("Well")], prefix: true }],
    });
    expect(said).toEqual(["text  and so the mock goes on."]);
  });

  test("thinks first if asked to, as much as allowed", async () => {
    const thinking = (reasoning: Request["reasoning"]) =>
      ask({ messages: [user("Hi")], ...(reasoning === undefined ? {} : { reasoning }) });
    const { said, usage } = await thinking({ effort: ReasoningEffort.LOW });
    expect(said[0]).toBe("reasoning Let me think about this: Hi");
    expect(usage).toMatchObject({ output_total: 13, output_reasoning: 6, output_text: 7 });
    expect((await thinking({ tokenBudget: 2 })).said[0]).toBe("reasoning Let me");
    expect((await thinking({ enabled: true })).said).toHaveLength(2);
    for (const none of [
      undefined,
      { effort: ReasoningEffort.NONE },
      { enabled: false, tokenBudget: 9 },
      { tokenBudget: 0 },
    ]) {
      expect((await thinking(none)).said).toHaveLength(1);
    }
  });

  test("stops at the output limit and at stop texts, and says which (mutant: STOP in both cases)", async () => {
    const cut = await ask({ messages: [user("Hi")], sampling: { maxOutputTokens: 3 } });
    expect([cut.said, cut.finish, cut.usage?.output_total]).toEqual([["text Hello from the"], "LENGTH", 3]);
    const stopped = await ask({ messages: [user("Hi")], sampling: { stop: ["nothing", "mock", "You"] } });
    expect([stopped.said, stopped.finish]).toEqual([["text Hello from the "], "STOP_SEQUENCE"]);
    const thought = await ask({
      messages: [user("Hi")],
      sampling: { maxOutputTokens: 4 },
      reasoning: { enabled: true },
    });
    expect([thought.said, thought.finish]).toEqual([["reasoning Let me think about"], "LENGTH"]);
  });

  test("gives log probabilities, sound and pictures where they are asked for", async () => {
    const { events, said } = await ask({
      messages: [user("Hi")],
      sampling: { logprobs: true, topLogprobs: 2 },
      modalities: [Modality.TEXT, Modality.AUDIO, Modality.IMAGE],
      audioOutput: { format: "mp3", voice: "alloy" },
    });
    expect(said).toEqual([
      "text Hello from the mock! You said: Hi",
      "audio Hello from the mock! You said: Hi",
      "image ",
    ]);
    const [logprobs] = events.flatMap(({ event }) => (event.case === "logprobs" ? [event.value] : []));
    expect(logprobs?.tokens[0]).toMatchObject({ token: "Hello", top: [{ token: "Hello" }, { token: "Hello~1" }] });
    const warnings = events.flatMap(({ event }) => (event.case === "warning" ? [event.value.field] : []));
    expect(warnings).toEqual(["audio_output.format"]);
    expect((await ask({ messages: [user("Hi")], modalities: [Modality.AUDIO] })).said).toHaveLength(1);
  });
});

describe("tools", () => {
  const call = async (request: Request) => (await ask({ tools: [weather, time], ...request })).said;

  test("are called where a call is required: the first allowed, with arguments that follow its schema", async () => {
    const required = { mode: ToolChoiceMode.REQUIRED };
    const { said, finish, parts } = await ask({ messages: [user("Hi")], tools: [weather, time], toolChoice: required });
    expect(said).toEqual(['tool_call get_weather {"city":"city"}']);
    expect([finish, parts[0]?.call?.id]).toEqual(["TOOL_CALLS", "mock_call_1"]);
    expect(await call({ messages: [user("Hi")], toolChoice: { ...required, toolNames: ["get_time"] } })).toEqual([
      "tool_call get_time {}",
    ]);
  });

  test("are called where the user names them, in parallel if they may", async () => {
    const messages = [user("Please use get_time, then get_weather.")];
    expect(await call({ messages })).toEqual(['tool_call get_weather {"city":"city"}', "tool_call get_time {}"]);
    expect(await call({ messages, parallelToolCalls: false })).toEqual(['tool_call get_weather {"city":"city"}']);
    expect(await call({ messages, toolChoice: { mode: ToolChoiceMode.NONE } })).toEqual([
      expect.stringMatching(/^text /),
    ]);
    expect(await call({ messages: [user("target_time")] })).toEqual([expect.stringMatching(/^text /)]);
  });

  test("may take free text", async () => {
    const tools = [{ name: "run", freeForm: {} }];
    const { parts } = await ask({ messages: [user("run")], tools });
    expect(parts[0]).toMatchObject({ text: "mock input", call: { freeForm: true } });
  });

  test("are followed by a word about what they said, and ids stay unique (mutant: ids begin at 1 in each answer)", async () => {
    const messages = [
      user("get_weather"),
      calling("c1", "get_weather"),
      result("c1", "Rain."),
      result("c2", "No clock.", true),
    ];
    expect(await call({ messages })).toEqual(["text The tool c2 failed: No clock."]);
    expect(await call({ messages: messages.slice(0, 3) })).toEqual(["text The tool get_weather says: Rain."]);
    const again = await ask({ messages: [...messages, user("get_time")], tools: [time] });
    expect(again.parts[0]?.call?.id).toBe("mock_call_2");
  });

  test("of the provider are run by it and billed apart", async () => {
    const { said, parts, events } = await ask({ messages: [user("Hi")], providerTools: [{ kind: "web_search" }] });
    expect(said).toEqual([
      'tool_call web_search {"query":"Hi"}',
      "tool_result The mock ran web_search.",
      "text Hello from the mock! You said: Hi",
    ]);
    expect(parts[0]?.call?.executor).toBe(Executor[Executor.PROVIDER]);
    const [usage] = events.flatMap(({ event }) => (event.case === "usage" ? [event.value.usage] : []));
    expect(usage?.extras).toMatchObject([{ name: "web_search", quantity: 1 }]);
  });
});

describe("JSON", () => {
  test("is an object, or follows the schema", async () => {
    const json = await ask({ messages: [user('Say "hi"')], responseFormat: { format: { case: "json", value: {} } } });
    expect(JSON.parse(json.parts[0]?.text ?? "")).toEqual({ answer: 'Hello from the mock! You said: Say "hi"' });
    const schemaJson = '{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}';
    const schema = await ask({
      messages: [user("Hi")],
      responseFormat: { format: { case: "jsonSchema", value: { schemaJson } } },
    });
    expect(schema.said).toEqual(['text {"n":0}']);
  });
});

describe("what the model cannot take", () => {
  test.each<[string, Omit<Request, "messages">]>([
    ["tools", { tools: [time] }],
    ["provider_tools", { providerTools: [{ kind: "x" }] }],
    ["response_format.json", { responseFormat: { format: { case: "json", value: {} } } }],
    ["reasoning", { reasoning: { effort: ReasoningEffort.HIGH } }],
    ["modalities with images", { modalities: [Modality.IMAGE] }],
  ])("mock-text refuses %s (mutant: it answers as mock does)", async (field, request) => {
    const { error } = await ask({ messages: [user("Hi")], ...request }, "mock-text");
    expect(error).toMatchObject({
      reason: "CAPABILITY_MISSING",
      extras: {
        preconditions: [
          {
            type: "CAPABILITY",
            subject: "pretend/mock-text",
            description: `mock-text takes no ${field}; use another model or leave it out`,
          },
        ],
      },
    });
  });

  test("mock-text refuses images, also those in tool results", async () => {
    const image: PartInit = {
      kind: { case: "image", value: { source: { case: "url", value: "https://example.com/a" } } },
    };
    const inResult = {
      role: MessageRole.TOOL,
      parts: [{ kind: { case: "toolResult" as const, value: { toolCallId: "1", parts: [image] } } }],
    };
    for (const messages of [[user(image)], [user("Hi"), inResult]]) {
      expect((await ask({ messages }, "mock-text")).error).toMatchObject({
        message: "mock-text takes no images; use another model or leave it out",
      });
    }
  });

  test("mock-text leaves hints out and says so", async () => {
    const hinted: PartInit = { ...text("Hi"), cacheHint: {} };
    const { warnings, usage, events } = await ask(
      { messages: [user(hinted)], sampling: { logprobs: true } },
      "mock-text",
    );
    expect(warnings).toEqual(["FIELD_IGNORED", "FIELD_IGNORED"]);
    expect(usage?.input_cache_read).toBeUndefined();
    expect(events.some(({ event }) => event.case === "logprobs")).toBe(false);
    const cached = { input_total: 2, input_cache_read: 2, input_uncached: 0 };
    expect((await ask({ messages: [user(hinted)] })).usage).toMatchObject(cached);
    expect((await ask({ messages: [user(text("Hi"))], cacheHint: {} })).usage).toMatchObject(cached);
    expect((await ask({ messages: [user(text("Hi"))], cacheHint: {} }, "mock-text")).warnings).toEqual([
      "FIELD_IGNORED",
    ]);
  });

  test("another vendor's state is left out with a warning, its files are refused", async () => {
    const state = (owner: string): PartInit => ({
      ...text("a"),
      providerState: [{ owner, kind: "k", data: new Uint8Array([1]) }],
    });
    const { warnings, events } = await ask({ messages: [user(state("openai"), state("openai"), state("mock"))] });
    expect(warnings).toEqual(["FIELD_IGNORED", "FIELD_IGNORED"]);
    expect(events[0]?.event.value).toMatchObject({ field: "messages[0].parts[0].provider_state[0]" });
    const file = (owner: string): PartInit => ({ kind: { case: "providerFile", value: { owner, fileId: "f" } } });
    expect((await ask({ messages: [user(file("openai"))] })).error).toMatchObject({ reason: "CAPABILITY_MISSING" });
    expect((await ask({ messages: [user(file("mock"))] })).error).toBeUndefined();
  });

  test("a choice of upstreams is refused, eager arguments are not", async () => {
    const { error } = await ask({ messages: [user("Hi")], upstreamRouting: { order: ["a"] } });
    expect(error).toMatchObject({ reason: "CAPABILITY_MISSING" });
    expect((await ask({ messages: [user("get_time")], tools: [{ ...time, eagerArguments: true }] })).finish).toBe(
      "TOOL_CALLS",
    );
  });

  test("schemas that are not JSON are refused without their text", async () => {
    const tools = [{ name: "go", parametersJson: "{secret" }];
    const { error } = await ask({ messages: [user("go")], tools });
    expect(error).toMatchObject({
      reason: "INVALID_FIELD",
      message: "tools[0].parameters_json is not a JSON text",
    });
  });

  test("a script that is none names its path in the request", async () => {
    const bad = async (mock: string) => (await ask({ messages: [user("Hi")], providerOptionsJson: { mock } })).error;
    expect(await bad('{"script":[{"text":["a",""]}]}')).toMatchObject({
      reason: "INVALID_FIELD",
      extras: {
        fields: [{ field: 'provider_options_json["mock"].script[0].text[1]', description: "must not be empty" }],
      },
    });
    const broken = await bad("{secret");
    expect(broken).toMatchObject({
      extras: { fields: [{ field: 'provider_options_json["mock"]', description: "is not a JSON text" }] },
    });
    expect(`${(broken as ExecutionError).message}${(broken as ExecutionError).stack}`).not.toContain("secret");
  });
});

describe("pieces", () => {
  test("join to the text, split no character and are never empty (mutant: split by UTF-16 units)", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (whole) => {
        const pieces = splitPieces(whole);
        expect(pieces.join("")).toBe(whole);
        for (const piece of pieces) expect(piece !== "" && piece.isWellFormed()).toBe(true);
      }),
    );
  });
});
