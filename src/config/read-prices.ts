import { buildPriceRules } from "./build-prices.ts";
import type { BuildContext } from "./build-provider.ts";
import type { OwnPriceRule, OwnPriceSettings } from "./config.ts";
import type { Problems } from "./config-error.ts";
import type { ProviderEntry } from "./file-schema.ts";
import { didYouMean } from "./nearest.ts";
import type { PriceRuleEntry } from "./prices-schema.ts";
import type { ReadContext } from "./reader.ts";
import { record } from "./record.ts";
import { readTextFile } from "./secrets.ts";
import { type Path, type Place, placeOf, shownName } from "./tree.ts";

/** What reading the file of prices needs. */
export interface ReadPricesDeps {
  readonly context: BuildContext;
  readonly problems: Problems;
  /** The provider instances, with what is known of those that are good. */
  readonly instances: readonly string[];
  readonly providers: ReadonlyMap<string, ProviderEntry>;
}

/** The vendor of servers of which nothing is known, who is nobody in particular. */
const NOBODY = "compatible";

/** Reads the file with prices of one's own. Undefined, after a problem, if it cannot be read; every mistake in it is one. */
export async function readPrices(file: string, deps: ReadPricesDeps): Promise<OwnPriceSettings | undefined> {
  const { context, problems } = deps;
  const text = readTextFile(file, ["prices", "file"], context.secrets);
  if (text === undefined) return undefined;
  const inFile = (place: Place): Place => (place.source === "file" ? { ...place, file } : place);
  // A configuration without prices of its own does not pay for the parser and the schema.
  const { parseYaml } = await import("./yaml.ts");
  const { pricesSchema } = await import("./prices-schema.ts");
  const tree = parseYaml(text, (place, message) => problems.add(inFile(place), [], message));
  if (tree === undefined) return undefined;
  const read: ReadContext = {
    problem: (path, message, place) => problems.add(inFile(place ?? placeOf(tree, path)), path, message),
    origin: () => undefined,
  };
  const entries = pricesSchema.read(tree, [], read);
  if (entries === undefined) return undefined;
  const { vendors, instances } = entries;
  if (vendors.size === 0 && instances.size === 0 && (tree.kind !== "map" || tree.entries.size === 0)) {
    read.problem([], "has no prices; half a file looks like that. To do without prices of your own remove prices.file");
  }
  for (const vendor of vendors.keys()) {
    if (vendor !== NOBODY) continue;
    read.problem(
      ["vendors", vendor],
      "is no vendor but whoever is not known; give prices to the instance, under instances",
    );
  }
  for (const instance of instances.keys()) checkInstance(instance, deps, read);
  return { vendors: buildAll("vendors", vendors, read), instances: buildAll("instances", instances, read) };
}

function checkInstance(instance: string, { instances, providers }: ReadPricesDeps, { problem }: ReadContext): void {
  const path = ["instances", instance];
  if (!instances.includes(instance)) {
    problem(path, `there is no provider instance "${shownName(instance)}".${didYouMean(instance, instances)}`);
  } else if (providers.get(instance)?.spends === false) {
    problem(path, `nobody bills for this instance, since providers.${instance}.spends is false; remove one of the two`);
  }
}

function buildAll(
  section: string,
  entries: ReadonlyMap<string, readonly PriceRuleEntry[]>,
  { problem }: ReadContext,
): Readonly<Record<string, readonly OwnPriceRule[]>> {
  const at = (owner: string): Path => [section, owner];
  return record([...entries].map(([owner, rules]) => [owner, buildPriceRules(at(owner), rules, problem)]));
}
