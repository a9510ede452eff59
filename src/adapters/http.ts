import type { Agent, Dispatcher } from "undici";
import { ExecutionError } from "../errors.ts";
import type { ProviderTimeouts } from "./adapter.ts";
import { createConnector } from "./connector.ts";
import { createBody, type HttpBody } from "./http-body.ts";
import { networkError } from "./network-errors.ts";

/** One request. */
export interface HttpRequest {
  readonly method: "GET" | "POST";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Ends the exchange at once, headers or not. Its reason, an ExecutionError, is what `send` and `read` reject with. */
  readonly signal: AbortSignal;
}

/** One response. Redirects are not followed: they are responses as any other. */
export interface HttpResponse {
  readonly status: number;
  /** Names in lower case; the values of a repeated header joined by `, `. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: HttpBody;
}

/** Sends a request and resolves with the head of its response. Rejects with an ExecutionError (see `networkError`). */
export type Send = (request: HttpRequest) => Promise<HttpResponse>;

/** An HTTP client with connections of its own. */
export interface HttpClient {
  readonly send: Send;
  /** Ends idle connections and waits for running exchanges to end. */
  close(): Promise<void>;
}

/** What a client needs. */
export interface HttpClientOptions {
  readonly timeouts: ProviderTimeouts;
  /** Certificate authorities, PEM text, instead of the system's. */
  readonly certificateAuthorities?: string;
}

/** Some providers send policies and cookies of several kilobytes; the rest is a fault or an attack. */
const maxHeaderBytes = 64 * 1024;

/** Longer than a person thinks about an answer, shorter than the 60 s after which load balancers drop idle connections. */
const keepAliveMs = 30_000;

/**
 * Creates a client on undici: connections are kept alive and pooled by origin, HTTP/2 is used where the server offers it under TLS, Nagle's
 * delay is off, certificates are checked, no environment proxy is used. undici loads with the first request, because a start needs no
 * provider.
 */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  let agent: Promise<Agent> | undefined;
  return {
    send: async (request) => {
      request.signal.throwIfAborted();
      agent ??= createAgent(options);
      return exchange(await agent, request);
    },
    close: async () => {
      const closing = agent;
      agent = undefined;
      await (await closing)?.close();
    },
  };
}

async function createAgent({ timeouts, certificateAuthorities }: HttpClientOptions): Promise<Agent> {
  const undici = await import("undici");
  return new undici.Agent({
    headersTimeout: timeouts.headersMs,
    bodyTimeout: timeouts.idleMs,
    keepAliveTimeout: keepAliveMs,
    maxHeaderSize: maxHeaderBytes,
    connect: createConnector(undici.buildConnector, {
      connectMs: timeouts.connectMs,
      ...(certificateAuthorities !== undefined && { certificateAuthorities }),
    }),
  });
}

/** Runs one exchange on undici's callbacks: its streams cost a promise and a copy more for each read. */
function exchange(agent: Agent, { method, url, headers, body, signal }: HttpRequest): Promise<HttpResponse> {
  return new Promise<HttpResponse>((resolve, reject) => {
    let control: Dispatcher.DispatchController | undefined;
    let answered = false;
    let over: ExecutionError | undefined;

    const writer = createBody({
      pause: () => control?.pause(),
      resume: () => control?.resume(),
      abort: () => stop(new ExecutionError("CANCELLED", "the answer is no longer wanted")),
    });
    const settle = (): void => signal.removeEventListener("abort", onAbort);
    const stop = (reason: ExecutionError): void => {
      settle();
      const fault = control === undefined ? reason.with({ unsent: true }) : reason;
      over = fault;
      reject(fault);
      writer.fail(fault, true);
      control?.abort(fault);
    };
    function onAbort(): void {
      stop(abortReason(signal));
    }
    signal.addEventListener("abort", onAbort, { once: true });

    agent.dispatch(
      { origin: url.origin, path: url.pathname + url.search, method, headers, body: body ?? null },
      {
        onRequestStart: (controller) => {
          control = controller;
          // Given up while it waited for a connection.
          if (over !== undefined) controller.abort(over);
        },
        onResponseStart: (controller, status, received) => {
          // They are slices of the first read, which they would keep as long as the exchange lasts.
          controller.rawHeaders = null;
          if (status < 200) return;
          answered = true;
          resolve({ status, headers: joinHeaders(received), body: writer.body });
        },
        onResponseData: (_controller, bytes) => writer.push(bytes),
        onResponseEnd: () => {
          settle();
          writer.end();
        },
        onResponseError: (_controller, error) => {
          settle();
          const phase = control === undefined ? "connect" : answered ? "body" : "request";
          const fault = over ?? networkError(error, phase);
          reject(fault);
          writer.fail(fault, false);
        },
      },
    );
  });
}

/** What a signal was aborted with, as an ExecutionError. */
export function abortReason(signal: AbortSignal): ExecutionError {
  if (signal.reason instanceof ExecutionError) return signal.reason;
  return new ExecutionError("CANCELLED", "the call was cancelled", { cause: signal.reason });
}

function joinHeaders(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): Record<string, string> {
  const joined: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) joined[name.toLowerCase()] = typeof value === "string" ? value : value.join(", ");
  }
  return joined;
}
