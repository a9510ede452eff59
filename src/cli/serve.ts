import { once } from "node:events";
import { existsSync } from "node:fs";
import { join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { adapterKinds } from "../adapters/index.ts";
import { ListenError, startGateway } from "../gateway.ts";
import { StateError } from "../gateway-stores.ts";
import { LedgerOpenError } from "../ledger/open-error.ts";
import { createLog } from "../telemetry/log.ts";
import { bannerText } from "./banner.ts";
import { tuneCollector } from "./collector.ts";
import { type CommandContext, CommandError, write } from "./context.ts";
import { createDisk } from "./disk.ts";
import { keepCurrent } from "./keep-current.ts";
import { loadFromDisk } from "./load.ts";
import type { ServeOptions } from "./options.ts";
import { readVersion } from "./version.ts";

/**
 * Serves until the process is asked to stop, then drains: new calls are refused, running ones may end, until it is asked again. When its files change, or at SIGHUP, the
 * configuration is loaded anew. An error that nobody caught is logged and the server goes on: it belongs to one call, and the others must not pay
 * for it.
 */
export async function serve({ config: file, watch }: ServeOptions, context: CommandContext): Promise<number> {
  const disk = createDisk();
  const loaded = await loadFromDisk(file, context, disk);
  const { config, notices } = loaded;
  const log = createLog(config.logLevel);
  const platformVersion = readVersion();
  const running = await startGateway({ config, kinds: adapterKinds, log, platformVersion }).catch((thrown: unknown) => {
    throw thrown instanceof ListenError || thrown instanceof LedgerOpenError || thrown instanceof StateError
      ? new CommandError(thrown.message, { cause: thrown })
      : thrown;
  });
  tuneCollector();
  context.onUncaught((thrown) => log.error("an error that nobody caught; the server goes on", thrown));
  for (const notice of notices) log.warn(notice);
  const { adminUrl, grpcUrl, httpUrl } = running;
  const providers = Object.values(running.state().adapters).map(({ settings, spends }) => ({ ...settings, spends }));
  const facts = {
    config,
    providers,
    kinds: adapterKinds,
    grpcUrl,
    httpUrl,
    ...(adminUrl !== undefined && { adminUrl }),
    platformVersion,
    runner: runnerOf(context.workingDirectory),
    watch,
  };
  // Whoever reads the banner may go away; the server stays.
  await write(context.stdout, bannerText(facts)).catch(() => undefined);
  context.onReady();
  const endKeeping = keepCurrent({ gateway: running, loaded, disk, file, watch, log, context });
  if (!context.stop.aborted) await once(context.stop, "abort");
  await endKeeping();
  const { drainMs } = running.state().config.limits;
  log.info("stopping: new calls are refused, running ones may end", { drainMs });
  context.stopNow.addEventListener("abort", running.interrupt, { once: true });
  if (context.stopNow.aborted) running.interrupt();
  await running.stop();
  log.info("stopped");
  return 0;
}

/** `npx `, where our own programs are those of the checkout that the user is in; elsewhere they are on the path. */
function runnerOf(workingDirectory: string): string {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const inside = `${workingDirectory}${sep}`.startsWith(root);
  return inside && existsSync(join(root, "node_modules", ".bin", "buf")) ? "npx " : "";
}
