import { create } from "@bufbuild/protobuf";
import type { LoadedConfig } from "../config/load.ts";
import { didYouMean } from "../config/nearest.ts";
import { originText, type Tree } from "../config/tree.ts";
import { ChatRequestSchema } from "../gen/execution/v1/chat_pb.js";
import { chosenPersona, mergeLayers } from "../router/layers.ts";
import { type CommandContext, CommandError, write } from "./context.ts";
import { loadFromDisk } from "./load.ts";
import type { ShowOptions } from "./options.ts";
import { flat, plain, type Shown, yamlText } from "./shown.ts";

/**
 * Prints the whole configuration that is in force, or what it says of the calls of one persona and tenant: as YAML, or JSON. With `origin` each
 * value says where it comes from. Secrets show as `[secret]`. Throws a ConfigError if the configuration is refused.
 */
export async function showConfig(
  file: string | undefined,
  options: ShowOptions,
  context: CommandContext,
): Promise<number> {
  const loaded = await loadFromDisk(file, context);
  const ofCalls = options.persona !== undefined || options.tenant !== undefined;
  const shown = ofCalls ? callSettings(loaded, options) : fromTree(loaded.effective());
  const json = (): unknown => (options.origin === true ? Object.fromEntries(flat(shown)) : plain(shown));
  const text =
    options.json === true ? `${JSON.stringify(json(), undefined, 2)}\n` : yamlText(shown, options.origin === true);
  await write(context.stdout, text);
  return 0;
}

/** What defaults, tenant and persona say of a call in which the request says nothing. */
function callSettings({ config }: LoadedConfig, { persona: asked = "", tenant = "default" }: ShowOptions): Shown {
  const tenants = [...new Set([...Object.keys(config.tenants), ...config.keys.map((key) => key.tenant), "default"])];
  if (!tenants.includes(tenant)) {
    throw new CommandError(`there is no tenant "${tenant}".${didYouMean(tenant, tenants)}`);
  }
  const request = create(ChatRequestSchema, { persona: asked });
  const chosen = chosenPersona(config, request, tenant);
  const persona = config.personas[chosen.value];
  if (persona === undefined) {
    const names = Object.keys(config.personas);
    throw new CommandError(`there is no persona "${chosen.value}".${didYouMean(chosen.value, names)}`);
  }
  const { values } = mergeLayers(config, { persona, tenant }, request);
  const root = new Map<string, Shown>();
  for (const [path, { value, origin }] of values()) {
    const steps = path.split(".");
    const last = steps.pop() ?? path;
    mapAt(root, steps).set(last, leaf(value, origin));
  }
  return { kind: "map", entries: root };
}

/** The map at a path of keys; maps that are missing on the way are made. */
function mapAt(root: Map<string, Shown>, steps: readonly string[]): Map<string, Shown> {
  let map = root;
  for (const step of steps) {
    const below = map.get(step);
    const next = below?.kind === "map" ? below.entries : new Map<string, Shown>();
    map.set(step, { kind: "map", entries: next });
    map = next;
  }
  return map;
}

function leaf(value: unknown, origin: string): Shown {
  return { kind: "value", value, origin };
}

function fromTree(tree: Tree): Shown {
  if (tree.kind === "scalar") {
    const isExact = typeof tree.value !== "bigint" || Number.isSafeInteger(Number(tree.value));
    return leaf(
      typeof tree.value === "bigint" ? (isExact ? Number(tree.value) : tree.value.toString()) : tree.value,
      originText(tree.place),
    );
  }
  if (tree.kind === "map") {
    return { kind: "map", entries: new Map([...tree.entries].map(([key, { value }]) => [key, fromTree(value)])) };
  }
  const items = tree.items.map(fromTree);
  return items.every((item) => item.kind === "value")
    ? leaf(
        items.map((item) => item.value),
        originText(tree.place),
      )
    : { kind: "list", items };
}
