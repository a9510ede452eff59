import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { createGenaiReference, type GenaiPrices } from "../ledger/prices/check/genai-prices.ts";
import { createLitellmReference } from "../ledger/prices/check/litellm.ts";
import type { PriceReference } from "../ledger/prices/check/reference.ts";
import { type CommandContext, CommandError } from "./context.ts";

/** Bounds on what is fetched: LiteLLM's file has some 4 MB. */
const MOST_BYTES = 32 * 1024 * 1024;
const FETCH_TIMEOUT_MS = 30_000;

/** It comes with the checkout, and is no dependency of the package. */
const GENAI_PRICES = "@pydantic/genai-prices";

/**
 * Opens a source of prices: `genai-prices`, or a file or URL with what LiteLLM publishes. Nothing is fetched but from a URL that is given. Throws a
 * CommandError that says what is wrong with it.
 */
export async function openSource(source: string, context: CommandContext): Promise<PriceReference> {
  if (source === "genai-prices") return createGenaiReference(await loadGenaiPrices(context));
  const text =
    URL.canParse(source) && /^https?:/i.test(source)
      ? await fetchText(source, context)
      : await readText(source, context);
  try {
    return createLitellmReference(text);
  } catch (thrown) {
    throw new CommandError(`${source} is no model_prices_and_context_window.json: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
}

async function loadGenaiPrices({ workingDirectory }: CommandContext): Promise<GenaiPrices> {
  for (const from of [join(workingDirectory, "_"), import.meta.filename]) {
    try {
      const path = createRequire(from).resolve(GENAI_PRICES);
      const loaded: unknown = await import(pathToFileURL(path).href);
      if (isGenaiPrices(loaded)) return loaded;
    } catch {
      // It is not there, or not what it was; the other place may have it.
    }
  }
  throw new CommandError(
    `${GENAI_PRICES} is not installed here; npm install ${GENAI_PRICES}, or name a file: --against model_prices_and_context_window.json`,
  );
}

function isGenaiPrices(loaded: unknown): loaded is GenaiPrices {
  return typeof loaded === "object" && loaded !== null && typeof Reflect.get(loaded, "calcPrice") === "function";
}

async function readText(file: string, { workingDirectory }: CommandContext): Promise<string> {
  const path = resolve(workingDirectory, file);
  try {
    return await readFile(path, "utf8");
  } catch (thrown) {
    throw new CommandError(`${path} cannot be read: ${messageOf(thrown)}`, { cause: thrown });
  }
}

/** Whoever stands between could say what he likes in plain text, so that is for this machine alone. */
async function fetchText(url: string, { stop }: CommandContext): Promise<string> {
  if (!isTrusted(url)) throw new CommandError(`${url} must begin with https://`);
  try {
    const signal = AbortSignal.any([stop, AbortSignal.timeout(FETCH_TIMEOUT_MS)]);
    const response = await fetch(url, { signal });
    if (!isTrusted(response.url)) throw new CommandError(`${url} leads to ${response.url}, which is not https://`);
    if (!response.ok || response.body === null)
      throw new CommandError(`${url} answered with status ${response.status}`);
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of response.body) {
      bytes += chunk.length;
      if (bytes > MOST_BYTES) throw new CommandError(`${url} is larger than ${MOST_BYTES} bytes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString("utf8");
  } catch (thrown) {
    if (thrown instanceof CommandError) throw thrown;
    throw new CommandError(`${url} cannot be fetched: ${messageOf(thrown)}`, { cause: thrown });
  }
}

function isTrusted(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === "https:" || hostname === "127.0.0.1" || hostname === "localhost" || hostname === "[::1]";
}

function messageOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  return thrown.cause instanceof Error ? thrown.cause.message : thrown.message;
}
