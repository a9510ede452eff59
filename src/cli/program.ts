import { Command, CommanderError } from "commander";
import { type CommandContext, CommandError, OutputClosedError, printable, write } from "./context.ts";
import type {
  BudgetListOptions,
  BudgetSetOptions,
  CapabilitiesOptions,
  CostsOptions,
  ExportOptions,
  ListPricesOptions,
  RequestOptions,
  RerateOptions,
  ServeOptions,
  ShowOptions,
  TargetOptions,
  VerifyPricesOptions,
} from "./options.ts";
import { parseCount, parseDuration, parseMoment, parsePercent } from "./values.ts";
import { readVersion } from "./version.ts";

/**
 * Runs a command line, without the program's own name in `args`, and returns the exit status: 0, or 1 with one line about the failure on
 * standard error. What a command needs is loaded when it runs.
 */
export async function runCommandLine(args: readonly string[], context: CommandContext): Promise<number> {
  let status = 0;
  const program = createProgram(context, (result) => {
    status = result;
  });
  try {
    await program.parseAsync([...args], { from: "user" });
    return status;
  } catch (thrown) {
    // Help and version are thrown too, with status 0; commander has printed what it throws.
    if (thrown instanceof CommanderError) return thrown.exitCode;
    if (thrown instanceof OutputClosedError) return 1;
    await write(context.stderr, `error: ${printable(context.stderr, failureText(thrown))}\n`);
    return 1;
  }
}

function failureText(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  // A refused configuration has one line for each of its problems; a bug shows where it is.
  const known = thrown instanceof CommandError || thrown.name === "ConfigError";
  return known ? thrown.message : (thrown.stack ?? thrown.message);
}

function createProgram(context: CommandContext, end: (status: number) => void): Command {
  const program = new Command("execution-platform")
    .description("One typed contract in front of every LLM provider.")
    .version(readVersion(), "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
    })
    .showHelpAfterError("(--help says more)")
    .addHelpText("after", ENVIRONMENT_HELP);

  program
    .command("serve")
    .description("start the gateway: gRPC on 50051, HTTP (Connect, gRPC-Web, SSE) on 8000")
    .option(
      "-c, --config <file>",
      "configuration file (default: EP_CONFIG, else execution-platform.yaml if it is there)",
    )
    .option("--no-watch", "do not load the configuration anew when its files change; SIGHUP still does")
    .action(async (options: ServeOptions) => {
      const { serve } = await import("./serve.ts");
      end(await serve(options, context));
    });

  request(program.command("chat"))
    .description("send one message and print the answer as it comes")
    .option("--json", "print each event as one line of ProtoJSON")
    .action(async (message: string, options: RequestOptions) => {
      const { chat } = await import("./chat.ts");
      end(await chat(message, options, context));
    });

  request(program.command("plan"))
    .description("say who would serve a message, who would not and why, and what it may cost, without sending it")
    .option("--json", "print the response as ProtoJSON")
    .action(async (message: string, options: RequestOptions) => {
      const { plan } = await import("./plan.ts");
      end(await plan(message, options, context));
    });

  target(program.command("capabilities"))
    .description("list providers, models and personas, and what they can do")
    .option("--persona <name>", "only this persona")
    .option("--provider <name>", "only this provider instance")
    .option("--model <name>", "only this model")
    .option("--json", "print the response as ProtoJSON")
    .action(async (options: CapabilitiesOptions) => {
      const { capabilities } = await import("./capabilities.ts");
      end(await capabilities(options, context));
    });

  const costs = target(costFilters(program.command("costs")))
    .description("show what was used and what it cost")
    .option("--limit <rows>", "most rows, up to 10000 (default: 1000)", parseCount)
    .option("--json", "print the response as ProtoJSON")
    .action(async (options: CostsOptions) => {
      const { costs } = await import("./costs.ts");
      end(await costs(options, context));
    });
  costFilters(costs.command("export"))
    .description("print all of it as CSV or JSON lines, however much there is")
    .option("--format <name>", "csv or jsonl", "csv")
    .option("--attempts", "every attempt, not groups")
    .option(
      "--http-url <url>",
      "HTTP URL of the gateway (default: EXECUTION_PLATFORM_HTTP_URL, else http://127.0.0.1:8000)",
    )
    .action(async (_options: ExportOptions, command: Command) => {
      const { exportCosts } = await import("./export.ts");
      end(await exportCosts(command.optsWithGlobals<ExportOptions>(), context));
    });

  const budgets = program.command("budgets").description("read and change budgets, by the admin listener");
  adminTarget(budgets.command("list"))
    .description("list budgets and how they stand")
    .option("--tenant <name>", "only those of this tenant's calls alone")
    .option("--scope <name>", "only those of tenant, key, persona, provider, model or end_user")
    .option("--json", "print the budgets as ProtoJSON")
    .action(async (options: BudgetListOptions) => {
      const { listBudgets } = await import("./budgets.ts");
      end(await listBudgets(options, context));
    });
  adminTarget(budgets.command("set"))
    .description("put a budget in force, or give the one that is the same another amount")
    .requiredOption("--scope <name>", "whose use it counts: tenant, key, persona, provider, model or end_user")
    .requiredOption("--amount <number>", "how much: dollars, tokens or calls")
    .option("--name <name>", "whose (default: each has the amount for itself)")
    .option("--tenant <name>", "only this tenant's calls (default: all, or those of the key's own tenant)")
    .option("--window <name>", "minute, hour, day, month or total; none for calls at once")
    .option("--unit <name>", "usd, tokens, requests or concurrent", "usd")
    .option("--mode <name>", "hard, soft or shadow", "hard")
    .option("--description <text>", "for those who read it")
    .action(async (options: BudgetSetOptions) => {
      const { setBudget } = await import("./budgets.ts");
      end(await setBudget(options, context));
    });
  adminTarget(budgets.command("rm"))
    .description("take a budget out of force")
    .argument("<id>", "its id, as budgets list prints it")
    .action(async (id: string, options: TargetOptions) => {
      const { removeBudget } = await import("./budgets.ts");
      end(await removeBudget(id, options, context));
    });

  costs
    .command("rerate")
    .description("price attempts anew by the prices in force, in the ledger, and show what that changes")
    .option("-c, --config <file>", "configuration file (default: as serve finds it)")
    .requiredOption("--from <time>", "attempts that ended from then on, such as 2026-11-01 or 7d (ago)", parseMoment)
    .option("--to <time>", "until then, itself not included (default: now)", parseMoment)
    .option("--write", "write it down, all at once; a gateway that keeps its ledger in files must not run")
    .action(async (options: RerateOptions) => {
      const { rerateCosts } = await import("./costs-rerate.ts");
      end(await rerateCosts(options, context));
    });

  const prices = program.command("prices").description("work with the prices that costs are counted by");
  ofPrices(prices.command("list"))
    .description("list the prices in force, built in and of your own")
    .option("--at <day>", "day on which they hold, such as 2026-11-26 (default: now)", parseMoment)
    .option("--json", "print JSON")
    .action(async (options: ListPricesOptions) => {
      const { listPrices } = await import("./prices-list.ts");
      end(await listPrices(options, context));
    });
  ofPrices(prices.command("verify"))
    .description("compare the prices with an independent source; ends with status 1 if one differs and is not known to")
    .option(
      "--against <source>",
      "genai-prices, or LiteLLM's model_prices_and_context_window.json as a file or an https:// URL",
      "genai-prices",
    )
    .option("--threshold <percent>", "differences that are not told", parsePercent, 0.01)
    .option("--json", "print JSON")
    .action(async (options: VerifyPricesOptions) => {
      const { verifyPrices } = await import("./prices-verify.ts");
      end(await verifyPrices(options, context));
    });

  program
    .command("key")
    .description("make an API key: print it once, with the configuration lines that accept it")
    .option("--name <name>", "name of the key in the configuration and in logs", "my-key")
    .action(async (options: { readonly name: string }) => {
      const { key } = await import("./key.ts");
      end(await key(options, context));
    });

  const config = program.command("config").description("work with the configuration");
  config
    .command("check")
    .description("check the configuration and print every value that is not a default, with where it comes from")
    .argument("[file]", "configuration file (default: as serve finds it)")
    .action(async (file: string | undefined) => {
      const { checkConfig } = await import("./config.ts");
      end(await checkConfig(file, context));
    });
  config
    .command("show")
    .description("print the whole configuration, defaults included; secrets show as [secret]")
    .argument("[file]", "configuration file (default: as serve finds it)")
    .option("--origin", "say of each value where it comes from")
    .option("--json", "print JSON; with --origin by path")
    .option("--persona <name>", "only what holds for calls of this persona")
    .option("--tenant <name>", "only what holds for calls of this tenant")
    .action(async (file: string | undefined, options: ShowOptions) => {
      const { showConfig } = await import("./show.ts");
      end(await showConfig(file, options, context));
    });
  config
    .command("schema")
    .description("print the JSON Schema of the configuration file, for editors")
    .action(async () => {
      const { printSchema } = await import("./config.ts");
      end(await printSchema(context));
    });

  return program;
}

const ENVIRONMENT_HELP = `
Environment of chat, plan, capabilities and costs:
  EXECUTION_PLATFORM_URL      gRPC URL of the gateway (default: http://127.0.0.1:50051)
  EXECUTION_PLATFORM_API_KEY  API key, if the gateway wants one
  EXECUTION_PLATFORM_ADMIN_URL, EXECUTION_PLATFORM_HTTP_URL  the same for budgets and costs export

serve reads EP_* variables, .env and execution-platform.yaml; docs/configuration.md lists them.`;

function request(command: Command): Command {
  return target(command)
    .argument("<message>", "what to say; - reads it from standard input")
    .option(
      "--persona <name>",
      "persona that serves it (default: the tenant's default_persona, else the persona default)",
    )
    .option("--provider <name>", "provider instance to use instead of the persona's")
    .option("--model <name>", "model to use")
    .option("--system <text>", "system message to send before it");
}

function ofPrices(command: Command): Command {
  return command
    .option("-c, --config <file>", "configuration file, for prices of your own (default: as serve finds it)")
    .option("--vendor <name>", "only this vendor or provider instance")
    .option("--model <name>", "only this model");
}

/** Which costs are asked for. */
function costFilters(command: Command): Command {
  return command
    .option("--since <time>", "start: 24h, 7d (ago), 2026-11-26, or a time (default: start of today, UTC)", parseMoment)
    .option("--until <time>", "end, written the same way (default: now)", parseMoment)
    .option(
      "--group-by <names>",
      "up to four of day, hour, minute, month, tenant, key, persona, provider, model, end_user, metadata.<name>",
    )
    .option("--persona <name>", "only this persona")
    .option("--provider <name>", "only this provider instance")
    .option("--model <name>", "only this model")
    .option("--key <name>", "only this API key")
    .option("--tenant <name>", "only this tenant")
    .option("--end-user <id>", "only this end user")
    .option("--metadata <name=value...>", "only calls with this declared metadata");
}

function adminTarget(command: Command): Command {
  return command
    .option(
      "--base-url <url>",
      "URL of the admin listener (default: EXECUTION_PLATFORM_ADMIN_URL, else http://127.0.0.1:8001)",
    )
    .option("--timeout <time>", "most time the call may take, such as 500ms, 30s or 5m", parseDuration);
}

function target(command: Command): Command {
  return command
    .option(
      "--base-url <url>",
      "gRPC URL of the gateway (default: EXECUTION_PLATFORM_URL, else http://127.0.0.1:50051)",
    )
    .option("--timeout <time>", "most time the call may take, such as 500ms, 30s or 5m", parseDuration);
}
