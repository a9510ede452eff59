import { createServer, type ServerResponse } from "node:http";

// A provider that speaks chat completions and costs as little as can be: one text in `chunks` pieces, sent in one write (`burst`), or each
// piece in a write of its own on a turn of its own (`paced`). The model's name in the request says which: `burst-100`, `paced-100`.

const chunk = (delta: object, finishReason: string | null): string =>
  `data: ${JSON.stringify({
    id: "chatcmpl-BenchBenchBenchBenchBenchBe",
    object: "chat.completion.chunk",
    created: 1_790_000_000,
    model: "gpt-bench-2026-01-01",
    service_tier: "default",
    system_fingerprint: "fp_0123456789",
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finishReason }],
    usage: null,
  })}\n\n`;

const words = ["The", " sky", " looks", " blue", " because", " air", " scatters", " short", " waves", " more", "."];
const ending =
  chunk({}, "stop") +
  `data: ${JSON.stringify({ id: "chatcmpl-Bench", object: "chat.completion.chunk", choices: [], usage: { prompt_tokens: 12, completion_tokens: 100, total_tokens: 112 } })}\n\n` +
  "data: [DONE]\n\n";

const pieces = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => chunk({ content: words[index % words.length] }, null));

const ready = new Map<string, { readonly pieces: readonly string[]; readonly whole: string }>();

function answerOf(count: number): { readonly pieces: readonly string[]; readonly whole: string } {
  const key = String(count);
  const known = ready.get(key);
  if (known !== undefined) return known;
  const made = { pieces: pieces(count), whole: pieces(count).join("") + ending };
  ready.set(key, made);
  return made;
}

function pace(response: ServerResponse, list: readonly string[], index: number): void {
  const piece = list[index];
  if (piece === undefined) {
    response.end(ending);
    return;
  }
  response.write(piece);
  setImmediate(pace, response, list, index + 1);
}

const server = createServer((request, response) => {
  let body = "";
  request.setEncoding("utf8");
  request.on("data", (text: string) => {
    body += text;
  });
  request.on("end", () => {
    const [, mode, count] = /"model":"(burst|paced)-(\d+)"/.exec(body) ?? [];
    const answer = answerOf(Number(count ?? 1));
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" });
    if (mode === "paced") pace(response, answer.pieces, 0);
    else response.end(answer.whole);
  });
});
server.keepAliveTimeout = 60_000;
server.on("connection", (socket) => socket.setNoDelay(true));
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.send?.({ port: typeof address === "object" ? address?.port : undefined });
});
