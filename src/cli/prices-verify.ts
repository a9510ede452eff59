import { type Compared, comparePrices } from "../ledger/prices/check/compare.ts";
import { KNOWN_DIFFERENCES } from "../ledger/prices/check/known-differences.ts";
import { type CommandContext, CommandError, printable, write } from "./context.ts";
import type { VerifyPricesOptions } from "./options.ts";
import { conditionText, loadPrices, ownerText } from "./prices-loaded.ts";
import { openSource } from "./prices-source.ts";
import { tableLines } from "./table.ts";

/**
 * Compares the prices with an independent source and prints each that differs by more than the threshold, with both figures. The status is 1 if one
 * of them is not known to differ. What the source does not have is counted, and is no difference.
 */
export async function verifyPrices(options: VerifyPricesOptions, context: CommandContext): Promise<number> {
  const { book, models } = await loadPrices(options, context);
  const reference = await openSource(options.against, context);
  const { threshold } = options;
  const compared = comparePrices({ book, models, reference, known: KNOWN_DIFFERENCES, nowMs: Date.now(), threshold });
  if (compared.every(({ verdict }) => verdict === "missing")) {
    throw new CommandError(`${reference.name} has none of these prices, so that nothing was compared`);
  }
  const different = compared.filter(({ verdict }) => verdict === "different");
  const unknown = different.filter(({ known }) => known === undefined);
  const text =
    options.json === true
      ? JSON.stringify(
          { version: book.version, source: reference.name, threshold, prices: compared.map(asJson) },
          undefined,
          2,
        )
      : [
          ...table(once(unknown)),
          ...knownLines(different),
          ...summary(compared, models.length, reference.name, threshold),
        ].join("\n");
  await write(context.stdout, `${printable(context.stdout, text)}\n`);
  return unknown.length === 0 ? 0 : 1;
}

/** The same difference at other lengths of input and on other days is told once. */
function once(different: readonly Compared[]): readonly Compared[] {
  const keyOf = (each: Compared): string =>
    JSON.stringify([ownerText(each), each.model, conditionText(each), each.what, shown(each.ours), shown(each.theirs)]);
  return [...new Map(different.toReversed().map((each) => [keyOf(each), each])).values()].toReversed();
}

function table(different: readonly Compared[]): readonly string[] {
  if (different.length === 0) return [];
  const headings = ["vendor", "model", "conditions", "what", "input", "day", "ours", "theirs", "difference"];
  const cells = different.map((each) => [
    ownerText(each),
    each.model,
    conditionText(each),
    each.what,
    String(each.input),
    new Date(each.atMs).toISOString().slice(0, 10),
    shown(each.ours),
    shown(each.theirs),
    percent(each),
  ]);
  return [...tableLines([headings, ...cells], 4), "", "US dollars per million tokens, or per unit.", ""];
}

function knownLines(different: readonly Compared[]): readonly string[] {
  const lines = different.flatMap((each) =>
    each.known === undefined ? [] : [`known: ${ownerText(each)} ${each.model} ${each.what}: ${each.known}`],
  );
  return lines.length === 0 ? [] : [...new Set(lines), ""];
}

function summary(compared: readonly Compared[], models: number, source: string, threshold: number): readonly string[] {
  const count = (test: (each: Compared) => boolean): number => compared.filter(test).length;
  const equal = count(({ verdict }) => verdict === "equal");
  const known = count(({ verdict, known: reason }) => verdict === "different" && reason !== undefined);
  const missing = count(({ verdict }) => verdict === "missing");
  const unknown = compared.length - equal - known - missing;
  return [
    `${compared.length} prices of ${models} models compared with ${source}: ${equal} agree within ${Number((threshold * 100).toFixed(6))}%, ${known} differ as known, ${unknown} differ, ${missing} are not there.`,
  ];
}

/** Six digits: more is what sums of doubles make. */
function shown(dollars: number | undefined): string {
  return dollars === undefined ? "-" : String(Number(dollars.toPrecision(6)));
}

function percent({ ours, theirs }: Compared): string {
  if (ours === undefined || theirs === undefined || theirs === 0) return "-";
  const difference = (ours / theirs - 1) * 100;
  return `${difference > 0 ? "+" : ""}${difference.toFixed(1)}%`;
}

function asJson({
  vendor,
  instance,
  model,
  tier,
  batch,
  region,
  input,
  what,
  atMs,
  ours,
  theirs,
  verdict,
  known,
}: Compared): unknown {
  return {
    vendor,
    ...(instance === "" ? {} : { instance }),
    model,
    service_tier: tier,
    batch,
    region,
    input_tokens: input,
    what,
    at: new Date(atMs).toISOString(),
    ours: ours === undefined ? null : Number(shown(ours)),
    theirs: theirs === undefined ? null : Number(shown(theirs)),
    verdict,
    ...(known === undefined ? {} : { known }),
  };
}
