import { gzipSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import { parseSse, plain, post, type SseEvent, scripted, send, send2, withListener, withSession } from "./setup.ts";

const short = (events: readonly SseEvent[]) => events.map(({ event, data }) => [event, data] as const);

describe("the short form", () => {
  test("has one event a ChatResponse, numbered by stream and sequence", async () => {
    await withListener({}, async ({ port }) => {
      const { status, headers, text } = await post(port, "/v1/chat", scripted({ text: ["Hi", "\n\nevent: done"] }));
      expect({ status, type: headers["content-type"] }).toEqual({
        status: 200,
        type: "text/event-stream; charset=utf-8",
      });
      const events = parseSse(text);
      const streamId = events[0]?.data.stream_id;
      expect(events.map(({ id }) => id)).toEqual(events.map((_event, index) => `${streamId}:${index + 1}`));
      expect(short(events).slice(1, 4)).toEqual([
        [
          "attempt",
          { state: "started", attempt: 0, step: 0, provider: "mock", kind: "mock", model: "mock", tool_tier: 0 },
        ],
        ["token", { text: "Hi" }],
        // Content cannot forge an event: line ends in it are escaped.
        ["token", { text: "\n\nevent: done" }],
      ]);
      expect(events.at(-1)).toMatchObject({
        event: "done",
        data: { reason: "STOP", provider: "mock", model: "mock", usage: { input_tokens: expect.any(Number) } },
      });
    });
  });

  test("has names and fields for everything else that can happen", async () => {
    await withListener({}, async ({ port }) => {
      const script = [
        { reasoning: "Hm." },
        { provider_state: { kind: "signature", data: "AAEC" } },
        { text: "See" },
        { citation: { url: "https://example.com/a", title: "A" } },
        { refusal: "No." },
        { warning: { code: "FIELD_IGNORED", field: "seed", text: "no seed" } },
        { tool_call: { name: "weather", id: "c1", arguments: ['{"a":', "1.0}"] } },
        { tool_call: { name: "search", id: "c2", arguments: "{", executor: "PROVIDER" } },
        { tool_result: { id: "c2", text: "found", is_error: true } },
        { usage: { input_total: 3, output_total: 4, final: true } },
      ];
      const { text } = await post(port, "/v1/chat", scripted(...script));
      expect(short(parseSse(text)).slice(2)).toEqual([
        ["reasoning", { text: "Hm." }],
        ["state", { step: 0, part: 0, owner: "mock", kind: "signature", data: "AAEC" }],
        ["token", { text: "See" }],
        [
          "citation",
          expect.objectContaining({ part: 1, citation: expect.objectContaining({ url: "https://example.com/a" }) }),
        ],
        ["refusal", { text: "No." }],
        ["warning", { code: "FIELD_IGNORED", field: "seed", text: "no seed" }],
        ["tool_call_started", { id: "c1", name: "weather", executor: "CALLER" }],
        ["tool_call_delta", { id: "c1", args: '{"a":' }],
        ["tool_call_delta", { id: "c1", args: "1.0}" }],
        ["tool_call", { id: "c1", name: "weather", args: '{"a":1.0}', args_valid: true, executor: "CALLER" }],
        ["tool_call_started", { id: "c2", name: "search", executor: "PROVIDER" }],
        ["tool_call_delta", { id: "c2", args: "{" }],
        ["tool_call", { id: "c2", name: "search", args: "{", args_valid: false, executor: "PROVIDER" }],
        ["tool_result", expect.objectContaining({ id: "c2", output: "found", is_error: true, executor: "PROVIDER" })],
        ["usage", { input_tokens: 3, output_tokens: 4, cost_usd: "0", final: true }],
        ["done", expect.objectContaining({ reason: "TOOL_CALLS" })],
      ]);
    });
  });

  test("tells a failure before content as the attempt's and the stream's", async () => {
    await withListener({}, async ({ port }) => {
      const error = { reason: "PROVIDER_OVERLOADED", retry_after_ms: 1500, provider_message: "busy" };
      const { status, text } = await post(port, "/v1/chat", scripted({ error }));
      const events = parseSse(text);
      expect(status).toBe(200);
      expect(events.at(-2)).toMatchObject({
        event: "attempt",
        data: { state: "failed", reason: "PROVIDER_OVERLOADED", next: "FAIL" },
      });
      expect(events.at(-1)).toMatchObject({
        event: "error",
        data: {
          code: "UNAVAILABLE",
          reason: "PROVIDER_OVERLOADED",
          retryable: true,
          partial: false,
          retry_after_ms: 1500,
          stream_id: events[0]?.data.stream_id,
          last_sequence: 3,
        },
      });
      expect(events.at(-1)).not.toHaveProperty("id");
    });
  });

  // Mutant seen red: ending the response without an event when the stream throws.
  test("tells a failure after content as partial, and never `done`", async () => {
    await withListener({}, async ({ port }) => {
      const { text } = await post(port, "/v1/chat", scripted({ text: "half" }, { truncate: true }));
      const events = parseSse(text);
      expect(events.at(-1)).toMatchObject({
        event: "error",
        data: { code: "ABORTED", reason: "UPSTREAM_TRUNCATED", partial: true, retryable: false },
      });
      expect(events.map(({ event }) => event)).not.toContain("done");
    });
  });
});

describe("the deadline", () => {
  test("of a call is the header connect-timeout-ms; without one the default holds", async () => {
    await withListener({ limits: { defaultDeadlineMs: 150 } }, async ({ port }) => {
      const body = scripted({ text: "a" }, { stall: true });
      for (const headers of [{ "connect-timeout-ms": "100" }, {}]) {
        const { text } = await post(port, "/chat", body, headers);
        expect(parseSse(text).at(-1)).toMatchObject({
          event: "error",
          data: { code: "DEADLINE_EXCEEDED", reason: "DEADLINE", partial: true },
        });
      }
    });
  });

  test.each(["0", "1"])("of %s ms ends a call at once, with a status", async (value) => {
    await withListener({}, async ({ port }) => {
      const { text } = await post(port, "/chat", scripted({ stall: true }), { "connect-timeout-ms": value });
      expect(text).toContain("DEADLINE_EXCEEDED");
    });
  });

  test("of 115 days is cut to the longest there is, and does not fire at once", async () => {
    await withListener({}, async ({ port }) => {
      const { text } = await post(port, "/chat", scripted({ delay_ms: 50 }, { text: "a" }), {
        "connect-timeout-ms": "9999999999",
      });
      expect(parseSse(text).at(-1)?.event).toBe("done");
    });
  });

  test.each(["-1", "1.5", "1e3", "99999999999", "soon", ""])("of %p is INVALID_FIELD", async (value) => {
    await withListener({}, async ({ port }) => {
      const { status, json } = await post(port, "/chat", plain(), { "connect-timeout-ms": value });
      expect({ status, reason: json().reason }).toEqual({ status: 400, reason: "INVALID_FIELD" });
    });
  });
});

test("a compressed body is read", async () => {
  await withListener({}, async ({ port, url }) => {
    const headers = { "content-type": "application/json", "content-encoding": "gzip" };
    const body = gzipSync(JSON.stringify(plain()));
    const over1 = await send(port, "/chat", { headers, body });
    expect(parseSse(over1.text).at(-1)?.event).toBe("done");
    await withSession(url, async (session) => {
      const over2 = await send2(session, "/chat", { headers, body });
      expect(parseSse(over2.text).at(-1)?.event).toBe("done");
    });
  });
});

test("sound and pictures have events of their own", async () => {
  await withListener({}, async ({ port }) => {
    const { text } = await post(port, "/chat", {
      ...scripted({ image: { data: "AAEC", mime_type: "image/png" } }, { audio: { data: "AAEC", transcript: "hi" } }),
      modalities: ["MODALITY_AUDIO", "MODALITY_IMAGE"],
    });
    const events = new Map(short(parseSse(text)));
    expect(events.get("image")).toMatchObject({ image: { data: "AAEC", mime_type: "image/png" } });
    expect(events.get("audio")).toMatchObject({ data: "AAEC", transcript: "hi" });
  });
});
