import { createServer, type ServerResponse } from "node:http";
import { benchWires } from "./wires/index.ts";
import type { BenchAnswer, BenchWire } from "./wires/wire.ts";

// A provider that speaks every wire of the bench and costs as little as can be: one text in some pieces, sent in one write (`burst`), or each
// piece in a write of its own on a turn of its own (`paced`). The model's name in the request says which: `burst-100`, `paced-100`.

interface ReadyAnswer extends BenchAnswer {
  readonly whole: string;
}

const ready = new Map<string, ReadyAnswer>();

function answerOf(wire: BenchWire, chunks: number): ReadyAnswer {
  const key = `${wire.name} ${chunks}`;
  const known = ready.get(key);
  if (known !== undefined) return known;
  const answer = wire.answer(chunks);
  const made = { ...answer, whole: answer.opening + answer.pieces.join("") + answer.ending };
  ready.set(key, made);
  return made;
}

function pace(response: ServerResponse, answer: BenchAnswer, index: number): void {
  const piece = answer.pieces[index];
  if (piece === undefined) {
    response.end(answer.ending);
    return;
  }
  response.write(piece);
  setImmediate(pace, response, answer, index + 1);
}

const server = createServer((request, response) => {
  let body = "";
  request.setEncoding("utf8");
  request.on("data", (text: string) => {
    body += text;
  });
  request.on("end", () => {
    const url = request.url ?? "";
    // The model stands in the body, or in the path.
    const [, mode, count] = /(?:"model":"|\/models\/)(burst|paced)-(\d+)/.exec(url + body) ?? [];
    const model = `${mode}-${count}`;
    const wire = benchWires.find(({ pathOf }) => pathOf(model) === url);
    if (wire === undefined || mode === undefined) {
      response.writeHead(404).end();
      return;
    }
    const answer = answerOf(wire, Number(count));
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" });
    if (mode === "burst") response.end(answer.whole);
    else {
      if (answer.opening !== "") response.write(answer.opening);
      pace(response, answer, 0);
    }
  });
});
server.keepAliveTimeout = 60_000;
server.on("connection", (socket) => socket.setNoDelay(true));
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.send?.({ port: typeof address === "object" ? address?.port : undefined });
});
