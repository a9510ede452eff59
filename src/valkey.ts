import { createClient, ErrorReply, RESP_TYPES } from "@redis/client";

/** Where a connection tells that it is lost, or that the server refuses what it is asked (it is full, or a replica), and that this is over. */
export interface ConnectionLog {
  info(message: string): void;
  warn(message: string, fields: { readonly cause: string }): void;
}

/** What a command is made of. Numbers are written by the caller. */
export type Argument = string | Buffer;

/** A script, and how it is called. */
export interface Script {
  readonly text: string;
}

/** Connections to one Valkey or Redis server. */
export interface Valkey {
  /** Runs a command. Texts of the reply are Buffers. Rejects at once while the server cannot be reached. */
  send(...command: readonly Argument[]): Promise<unknown>;
  /** Runs a script, whole or not at all, over its keys. */
  run(script: Script, keys: readonly string[], values: readonly Argument[]): Promise<unknown>;
  /** Runs a command that waits at the server, on a connection of its own. */
  block(...command: readonly Argument[]): Promise<unknown>;
  /** Ends the wait of `block`, if it waits. */
  unblock(): Promise<void>;
  /** Listens to a channel, also after the connection broke and is back. */
  subscribe(channel: string, listener: (message: string) => void): Promise<void>;
  close(): Promise<void>;
}

/** How long to wait for the server before it counts as gone, in milliseconds. */
const CONNECT_MS = 5000;
const SILENCE_MS = 10_000;
const PING_MS = 3000;
const MAX_RETRY_MS = 1000;

/** Texts as bytes: frames are no UTF-8. */
const AS_BYTES = { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } };

/** Connects to a server. Rejects if it cannot be reached now; later outages are waited out. */
export async function connectValkey(url: string, log: ConnectionLog): Promise<Valkey> {
  let isLost = false;
  const open = async () => {
    let wasThere = false;
    const client = createClient({
      url,
      RESP: 2,
      // What cannot be sent is known at once: writes are made again by whoever made them, and calls are refused rather than kept waiting.
      disableOfflineQueue: true,
      pingInterval: PING_MS,
      socket: {
        connectTimeout: CONNECT_MS,
        socketTimeout: SILENCE_MS,
        // The first connection is not tried again: a wrong address should be told, not waited out.
        reconnectStrategy: (retries) => (wasThere ? Math.min(50 * 2 ** retries, MAX_RETRY_MS) : false),
      },
    });
    client.on("error", (error: unknown) => {
      if (!isLost) log.warn("the shared state cannot be reached", { cause: String(error) });
      isLost = true;
    });
    client.on("ready", () => {
      if (isLost) log.info("the shared state can be reached again");
      isLost = false;
    });
    await client.connect();
    wasThere = true;
    return client;
  };
  const main = await open();
  /** Opens a connection for those who need one of their own: on first use, and again where that failed. */
  const onUse = () => {
    let opening: ReturnType<typeof open> | undefined;
    const get = (): ReturnType<typeof open> => {
      opening ??= open().catch((thrown: unknown) => {
        opening = undefined;
        throw thrown;
      });
      return opening;
    };
    return { get, opened: () => opening };
  };
  const waiting = onUse();
  const listening = onUse();
  let waitingId: string | undefined;
  const hashes = new Map<Script, string>();

  const send = (...command: readonly Argument[]): Promise<unknown> => main.sendCommand([...command], AS_BYTES);
  const load = async (script: Script): Promise<string> => {
    const hash = String(await send("SCRIPT", "LOAD", script.text));
    hashes.set(script, hash);
    return hash;
  };
  /** Scripts that the server refused when they were run last. Reading may go on while nothing can be written. */
  const refused = new Set<Script>();
  const run: Valkey["run"] = async (script, keys, values) => {
    try {
      const reply = await runOnce(script, keys, values);
      if (refused.delete(script) && refused.size === 0) log.info("the shared state takes what it is told again");
      return reply;
    } catch (thrown) {
      if (thrown instanceof ErrorReply) {
        if (refused.size === 0) log.warn("the shared state refuses what it is told", { cause: String(thrown) });
        refused.add(script);
      }
      throw thrown;
    }
  };
  const runOnce: Valkey["run"] = async (script, keys, values) => {
    const call = async (hash: string): Promise<unknown> =>
      send("EVALSHA", hash, String(keys.length), ...keys, ...values);
    try {
      return await call(hashes.get(script) ?? (await load(script)));
    } catch (thrown) {
      // A server that was started anew has forgotten its scripts.
      if (!String(thrown).includes("NOSCRIPT")) throw thrown;
      return call(await load(script));
    }
  };
  return {
    send,
    run,
    block: async (...command) => {
      const client = await waiting.get();
      waitingId = String(await client.sendCommand(["CLIENT", "ID"]));
      return client.sendCommand([...command], AS_BYTES);
    },
    unblock: async () => {
      if (waitingId !== undefined) await send("CLIENT", "UNBLOCK", waitingId);
    },
    subscribe: async (channel, listener) => {
      const client = await listening.get();
      await client.subscribe(channel, (message) => listener(String(message)));
    },
    close: async () => {
      main.destroy();
      // One that never came about has nothing to close.
      for (const { opened } of [waiting, listening]) (await opened()?.catch(() => undefined))?.destroy();
    },
  };
}
