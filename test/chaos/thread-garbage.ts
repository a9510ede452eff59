import { Session } from "node:inspector";

/** Collects the garbage of all other threads of the process, which `gc` does not see. */
export interface ThreadGarbage {
  collect(): Promise<void>;
}

/** Most a thread is waited for, in milliseconds. */
const PATIENCE_MS = 2000;

/** Watches for threads from now on, through the inspector: threads have no other door for it. */
export function watchThreadGarbage(): ThreadGarbage {
  const session = new Session();
  session.connect();
  const threads = new Set<string>();
  const waiting = new Map<number, () => void>();
  let lastId = 0;
  session.on("NodeWorker.attachedToWorker", ({ params }) => threads.add(params.sessionId));
  session.on("NodeWorker.detachedFromWorker", ({ params }) => threads.delete(params.sessionId));
  session.on("NodeWorker.receivedMessageFromWorker", ({ params }) => {
    const { id } = JSON.parse(params.message) as { readonly id?: number };
    if (id !== undefined) waiting.get(id)?.();
  });
  session.post("NodeWorker.enable", { waitForDebuggerOnStart: false });
  const collectOf = async (sessionId: string): Promise<void> => {
    lastId += 1;
    const id = lastId;
    const { promise, resolve } = Promise.withResolvers<void>();
    const late = setTimeout(resolve, PATIENCE_MS);
    waiting.set(id, resolve);
    const message = JSON.stringify({ id, method: "HeapProfiler.collectGarbage" });
    session.post("NodeWorker.sendMessageToWorker", { sessionId, message });
    await promise;
    clearTimeout(late);
    waiting.delete(id);
  };
  return {
    collect: async () => {
      await Promise.all([...threads].map(collectOf));
    },
  };
}
