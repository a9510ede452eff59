import type { Answer, Exchange, ReceivedRequest } from "./exchange.ts";

/** Selects requests: those for which every given field fits. A string `path` is compared whole, without the query. */
export interface RouteMatch {
  readonly method?: string;
  readonly path?: string | RegExp;
}

/** Which request gets which answer: routes first, then the queue, then the fallback. */
export interface Script {
  enqueue(exchanges: readonly Exchange[]): void;
  route(match: RouteMatch, answer: Answer): void;
  /** The exchange to play; rejects with what an answer function throws. */
  choose(received: ReceivedRequest): Promise<Exchange>;
}

/** An answer in the shape of an OpenAI-compatible error body. */
export function refusal(status: number, message: string): Exchange {
  return {
    status,
    headers: { "content-type": "application/json" },
    body: new TextEncoder().encode(JSON.stringify({ error: { message, type: "emulator_error", code: null } })),
  };
}

function fits(match: RouteMatch, received: ReceivedRequest): boolean {
  if (match.method !== undefined && match.method !== received.method) return false;
  if (match.path === undefined) return true;
  return typeof match.path === "string" ? match.path === received.path : match.path.test(received.path);
}

/** An empty script; `fallback` answers what nothing else does, and without it 501 says so. */
export function createScript(fallback: Answer | undefined): Script {
  const queue: Exchange[] = [];
  const routes: { match: RouteMatch; answer: Answer }[] = [];
  return {
    enqueue(exchanges) {
      queue.push(...exchanges);
    },
    route(match, answer) {
      routes.push({ match, answer });
    },
    async choose(received) {
      const route = routes.findLast(({ match }) => fits(match, received));
      if (route !== undefined) return route.answer(received);
      const queued = queue.shift();
      if (queued !== undefined) return queued;
      if (fallback !== undefined) return fallback(received);
      return refusal(501, `no answer is scripted for request ${received.index}: ${received.method} ${received.path}`);
    },
  };
}
