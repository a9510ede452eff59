import type { AdapterKind } from "../adapters/adapter.ts";
import type { Config } from "../config/config.ts";

/** What the banner says things about. */
export interface BannerFacts {
  readonly config: Pick<Config, "keys" | "origins">;
  /** The provider instances in force. */
  readonly providers: readonly { readonly name: string; readonly kind: string; readonly spends: boolean }[];
  readonly kinds: readonly Pick<AdapterKind, "kind" | "needsKey">[];
  readonly grpcUrl: string;
  readonly httpUrl: string;
  /** Absent: there is no admin listener. */
  readonly adminUrl?: string;
  readonly platformVersion: string;
  /** What to write before the name of a program: `npx ` in a checkout, which has them, else nothing. */
  readonly runner: string;
  /** Whether changes of files are noticed. */
  readonly watch: boolean;
}

/**
 * What `serve` prints once its listeners are open: where they are, what can spend money, and one call for each that works when it is pasted.
 * Plain text.
 */
export function bannerText(facts: BannerFacts): string {
  const { config, grpcUrl, httpUrl, platformVersion } = facts;
  const key = config.keys.length === 0 ? "" : ` -H "authorization: Bearer $EXECUTION_PLATFORM_API_KEY"`;
  const plain = grpcUrl.startsWith("http:") ? " --http2-prior-knowledge" : "";
  return `execution-platform ${platformVersion}

  gRPC  ${grpcUrl}  (reflection, health)
  HTTP  ${httpUrl}  (Connect, gRPC-Web, gRPC, REST and SSE)
${adminText(facts)}
${spendingText(facts)}

Say something to it:

curl -N ${httpUrl}/v1/chat${key} -H "content-type: application/json" -d '{"messages":[{"role":"user","content":"Why is the sky blue?"}]}'

${facts.runner}buf curl --protocol grpc${plain}${key} -d '{"messages":[{"role":"MESSAGE_ROLE_USER","parts":[{"text":{"text":"Why is the sky blue?"}}]}]}' ${grpcUrl}/execution.v1.ExecutionService/Chat

${config.keys.length === 0 ? `Everybody on this machine may call; \`${facts.runner}execution-platform key\` makes an API key.\n` : ""}${providerHint(facts)}
`;
}

function adminText({ adminUrl, config }: BannerFacts): string {
  if (adminUrl === undefined) return "";
  return `  admin ${adminUrl}  (budgets and costs${config.keys.length === 0 ? "; read only, as there are no keys" : ""})\n`;
}

function spendingText({ providers, config }: BannerFacts): string {
  const spending = providers.filter(({ spends }) => spends);
  if (spending.length === 0) {
    const names = providers.map(({ name, kind }) => (name === kind ? name : `${name} (${kind})`)).join(", ");
    return `No call can spend money: the only providers are ${names}.`.replace(
      "providers are mock.",
      "provider is the built-in mock.",
    );
  }
  const lines = spending.map(({ name, kind }) => {
    const origin = config.origins.get(`providers.${name}.api_key`) ?? config.origins.get(`providers.${name}`);
    return `  ${name} (${kind})${origin === undefined ? "" : `, configured by ${origin}`}`;
  });
  return ["Calls to these providers can spend money:", ...lines].join("\n");
}

function providerHint({ kinds, watch }: BannerFacts): string {
  const variables = kinds.filter(({ needsKey }) => needsKey).map(({ kind }) => `EP_${kind.toUpperCase()}_API_KEY`);
  const inFile = watch ? "in .env, which is read anew at once" : "in .env, and send SIGHUP";
  return `To add a provider set ${variables.join(" or ")}: ${inFile}, or in the environment, and start again.`;
}
