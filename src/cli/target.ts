import {
  type AdminClient,
  ChatError,
  type Client,
  type ClientOptions,
  createAdminClient,
  createClient,
} from "../client/index.ts";
import { type CommandContext, CommandError } from "./context.ts";
import type { TargetOptions } from "./options.ts";

/**
 * Runs `call` with a client of the gateway that the options or the environment name. Throws a CommandError with one line about what failed:
 * reason, message, and what can be done. A call that the user interrupts ends with status 130, as programs do that Ctrl-C ends.
 */
export function withClient(options: TargetOptions, context: CommandContext, call: Call<Client>): Promise<number> {
  const fallback = context.environment.EXECUTION_PLATFORM_URL ?? "http://127.0.0.1:50051";
  return withTarget({ ...options, baseUrl: options.baseUrl ?? fallback }, context, createClient, call);
}

/** The same with the admin listener that the options or the environment name. */
export function withAdminClient(
  options: TargetOptions,
  context: CommandContext,
  call: Call<AdminClient>,
): Promise<number> {
  const fallback = context.environment.EXECUTION_PLATFORM_ADMIN_URL ?? "http://127.0.0.1:8001";
  return withTarget({ ...options, baseUrl: options.baseUrl ?? fallback }, context, createAdminClient, call);
}

type Call<Target> = (
  client: Target,
  settings: { readonly signal: AbortSignal; readonly timeoutMs?: number },
) => Promise<number>;

async function withTarget<Target extends { close(): void }>(
  { baseUrl, timeout: timeoutMs }: TargetOptions & { readonly baseUrl: string },
  { environment, stop }: CommandContext,
  connect: (options: ClientOptions) => Target,
  call: Call<Target>,
): Promise<number> {
  if (!/^https?:$/.test(URL.parse(baseUrl)?.protocol ?? "")) {
    throw new CommandError(`${baseUrl} is not a URL such as http://127.0.0.1:50051`);
  }
  const apiKey = environment.EXECUTION_PLATFORM_API_KEY;
  const client = connect({ baseUrl, ...(apiKey === undefined ? {} : { apiKey }) });
  try {
    return await call(client, { signal: stop, ...(timeoutMs === undefined ? {} : { timeoutMs }) });
  } catch (thrown) {
    if (stop.aborted) return 130;
    if (thrown instanceof ChatError) throw new CommandError(failureText(thrown, baseUrl), { cause: thrown });
    throw thrown;
  } finally {
    client.close();
  }
}

function failureText(error: ChatError, baseUrl: string): string {
  if (error.reason === "") {
    const message = error.message.replaceAll(/\s+/g, " ").trim();
    const what = error.partial ? `the answer of ${baseUrl} broke off` : `no answer from the gateway at ${baseUrl}`;
    return `${error.code}: ${what}: ${message}${hintOf(error, baseUrl)}`;
  }
  const retry = error.retryAfterMs === undefined ? "" : ` (try again in ${Math.ceil(error.retryAfterMs / 1000)} s)`;
  const request = error.requestId === undefined ? "" : ` [${error.requestId}]`;
  return `${error.reason}: ${error.message}${retry}${request}`.replaceAll("\n", " ");
}

/** What helps where no gateway has answered. */
function hintOf({ code, message, partial }: ChatError, baseUrl: string): string {
  if (partial) return "";
  const isTls = URL.parse(baseUrl)?.protocol === "https:";
  if (!isTls && message.startsWith("the connection broke")) return "; if it serves TLS, its URL begins with https:";
  if (isTls && message.includes("wrong version number")) return "; if it serves no TLS, its URL begins with http:";
  if (isTls && message.includes("certificate")) return "; NODE_EXTRA_CA_CERTS names a file of certificates to trust";
  return code === "UNAVAILABLE" ? "; is `execution-platform serve` running there?" : "";
}
