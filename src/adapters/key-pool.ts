import type { ChatEvent } from "../contract/events.ts";
import { ExecutionError, type Reason } from "../errors.ts";
import type { Adapter, AdapterDeps, AdapterKind, AttemptInput, ProviderSettings } from "./adapter.ts";

/** One key of an instance, with an adapter of its own. */
interface Member {
  readonly adapter: Adapter;
  /** Until when it is left alone, in milliseconds since the epoch. */
  pausedUntilMs: number;
}

/** How long a key is left alone that somebody has to mend, or that is out of credit, in milliseconds. */
const MENDING_MS = 60_000;

/** Shortest time that a key is left alone which limits its rate, in milliseconds. */
const LEAST_PAUSE_MS = 1_000;

/** Longest time for which a provider's word is taken that it is to be left alone, in milliseconds: it may be wrong, or the clock may be set. */
export const LONGEST_PAUSE_MS = 600_000;

/** Refusals that are about the key (401, 402, 429), so that another one may do. */
const ABOUT_THE_KEY: ReadonlySet<Reason> = new Set(["PROVIDER_AUTH", "PROVIDER_QUOTA", "PROVIDER_RATE_LIMITED"]);

/** Creates the adapter of an instance: with one key, or with several that take turns. */
export function createAdapter(kind: AdapterKind, settings: ProviderSettings, deps: AdapterDeps): Adapter {
  const { apiKey, moreApiKeys = [], ...rest } = settings;
  if (apiKey === undefined || moreApiKeys.length === 0) return kind.create(settings, deps);
  const adapters = [apiKey, ...moreApiKeys].map((key) => kind.create({ ...rest, apiKey: key }, deps));
  return createKeyPool(settings, adapters, deps.now);
}

/**
 * One adapter over several that differ in their key. The first key is used until its provider refuses it; it is then left alone, for as long as the
 * provider asks or until it may have been mended, and the next one is used. The refusal says with `otherKey` that another attempt is worth making; a
 * refusal after which no key is left says when the first is free again. An attempt never changes its key, so that each has its own row.
 */
function createKeyPool(settings: ProviderSettings, adapters: readonly Adapter[], now: () => number): Adapter {
  const [first] = adapters;
  if (first === undefined) throw new Error(`the key pool of ${settings.name} is empty`);
  const members: readonly Member[] = adapters.map((adapter) => ({ adapter, pausedUntilMs: 0 }));
  /** One that is to wait for longer than anybody is told to was told so before the clock was set back. */
  const isFree = ({ pausedUntilMs }: Member): boolean =>
    pausedUntilMs <= now() || pausedUntilMs > now() + LONGEST_PAUSE_MS;
  /** The first key that is free, or else the first that will be. */
  const current = (): Member =>
    members.find(isFree) ??
    members.reduce((best, member) => (member.pausedUntilMs < best.pausedUntilMs ? member : best));
  const refused = (member: Member, thrown: unknown): unknown => {
    if (!(thrown instanceof ExecutionError && ABOUT_THE_KEY.has(thrown.reason))) return thrown;
    const { retryAfterMs = 0 } = thrown.extras;
    const isLimited = thrown.reason === "PROVIDER_RATE_LIMITED";
    member.pausedUntilMs = now() + (isLimited ? limitedMs(retryAfterMs) : MENDING_MS);
    const next = current();
    return thrown.with(isFree(next) ? { otherKey: true } : { retryAfterMs: next.pausedUntilMs - now() });
  };
  return {
    ...first,
    settings,
    preview: (input) => current().adapter.preview(input),
    chat: (input) => run(current(), input, refused),
    close: async () => {
      await Promise.all(adapters.map((adapter) => adapter.close()));
    },
  };
}

function limitedMs(retryAfterMs: number): number {
  return Math.min(LONGEST_PAUSE_MS, Math.max(LEAST_PAUSE_MS, retryAfterMs));
}

/** The member's own events; only what it throws is looked at. */
function run(
  member: Member,
  input: AttemptInput,
  refused: (member: Member, thrown: unknown) => unknown,
): AsyncIterable<readonly ChatEvent[]> {
  return {
    [Symbol.asyncIterator]: () => {
      const source = member.adapter.chat(input)[Symbol.asyncIterator]();
      return {
        next: () =>
          source.next().catch((thrown: unknown) => {
            throw refused(member, thrown);
          }),
        return: async () => (await source.return?.()) ?? { done: true, value: undefined },
      };
    },
  };
}
