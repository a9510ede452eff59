import type { Adapter, AdapterDeps, AdapterKind, ProviderSettings } from "../adapter.ts";
import { runExchange } from "./exchange.ts";
import { describeModel, listModels, MOCK_MODEL, MOCK_OWNER } from "./models.ts";
import { type Pause, pauseByTimers } from "./pause.ts";
import { planAttempt } from "./request.ts";
import { checkSettings, configuredScripts } from "./settings.ts";

/** What the mock needs from outside beside what every adapter gets. */
export interface MockDeps {
  readonly pause: Pause;
}

/** The provider that needs no key, no network and no money: deterministic, and scriptable as docs/mock.md says. */
export const mockKind: AdapterKind = createMockKind({ pause: pauseByTimers });

/** Creates the `mock` kind with timers of one's own. */
export function createMockKind({ pause }: MockDeps): AdapterKind {
  return {
    kind: "mock",
    needsKey: false,
    check: checkSettings,
    create: (settings, deps) => createMock(settings, deps, pause),
  };
}

function createMock(settings: ProviderSettings, deps: AdapterDeps, pause: Pause): Adapter {
  const configured = configuredScripts(settings);
  const running = new Set<Promise<void>>();
  return {
    settings,
    owner: MOCK_OWNER,
    seller: MOCK_OWNER,
    spends: false,
    defaultModel: settings.defaultModel ?? MOCK_MODEL,
    model: (name) => describeModel(settings, name),
    models: () => listModels(settings),
    preview: (input) => ({ warnings: planAttempt({ ...input, attempt: 0 }, settings, configured).warnings }),
    async *chat(input) {
      const exchange = Promise.withResolvers<void>();
      running.add(exchange.promise);
      try {
        yield* runExchange(input, { settings, configured, pause, newId: deps.newId });
      } finally {
        running.delete(exchange.promise);
        exchange.resolve();
      }
    },
    close: async () => {
      await Promise.all(running);
    },
  };
}
