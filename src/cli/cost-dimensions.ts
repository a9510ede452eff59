import { CostDimension } from "../gen/execution/v1/costs_pb.js";
import { CommandError } from "./context.ts";

/** What costs are grouped by. */
export interface CostGrouping {
  readonly groupBy: readonly CostDimension[];
  /** Name of the metadata of the dimension METADATA; empty without it. */
  readonly metadataKey: string;
}

const METADATA = "metadata.";

const DIMENSIONS = Object.keys(CostDimension).filter(
  (name) => Number.isNaN(Number(name)) && name !== "UNSPECIFIED" && name !== "METADATA",
);

/** Reads dimensions with commas between them, such as `day,model,metadata.team`. Throws a CommandError for what is none. */
export function readGrouping(text = ""): CostGrouping {
  let metadataKey = "";
  const groupBy = text.split(",").flatMap((part): readonly CostDimension[] => {
    const word = part.trim();
    if (word === "") return [];
    if (word.startsWith(METADATA)) {
      if (metadataKey !== "") throw new CommandError("costs can be grouped by one name of metadata at a time");
      metadataKey = word.slice(METADATA.length);
      return [CostDimension.METADATA];
    }
    const name = DIMENSIONS.find((known) => known === word.toUpperCase().replaceAll("-", "_"));
    if (name !== undefined) return [CostDimension[name as keyof typeof CostDimension]];
    const known = DIMENSIONS.map((dimension) => dimension.toLowerCase()).join(", ");
    throw new CommandError(`${word} is nothing costs can be grouped by; there is ${known}, metadata.<name>`);
  });
  return { groupBy, metadataKey };
}

/** Reads pairs `name=value`. Throws a CommandError for what is none. */
export function readPairs(pairs: readonly string[] = []): Readonly<Record<string, string>> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf("=");
      if (at < 1) throw new CommandError(`${pair} is no metadata; write name=value`);
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}
