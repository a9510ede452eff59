/** Options of `serve`. */
export interface ServeOptions {
  readonly config?: string;
  /** Whether the configuration is loaded anew when its files change. */
  readonly watch: boolean;
}

/** Options that say which gateway a command calls. */
export interface TargetOptions {
  readonly baseUrl?: string;
  /** Milliseconds. */
  readonly timeout?: number;
}

/** Options of `chat` and `plan`. */
export interface RequestOptions extends TargetOptions {
  readonly persona?: string;
  readonly provider?: string;
  readonly model?: string;
  readonly system?: string;
  readonly json?: boolean;
}

/** Options of `config show`. */
export interface ShowOptions {
  readonly origin?: boolean;
  readonly json?: boolean;
  readonly persona?: string;
  readonly tenant?: string;
}

/** Options of `capabilities`. */
export interface CapabilitiesOptions extends TargetOptions {
  readonly persona?: string;
  readonly provider?: string;
  readonly model?: string;
  readonly json?: boolean;
}

/** Options of `prices list` and `prices verify`. */
export interface PricesOptions {
  /** Configuration file, for prices of one's own. */
  readonly config?: string;
  readonly vendor?: string;
  readonly model?: string;
  readonly json?: boolean;
}

/** Options of `prices list`. */
export interface ListPricesOptions extends PricesOptions {
  /** Milliseconds since the epoch. */
  readonly at?: number;
}

/** Options of `prices verify`. */
export interface VerifyPricesOptions extends PricesOptions {
  /** `genai-prices`, a file, or a URL. */
  readonly against: string;
  /** Part of a price: 0.01 for one per cent. */
  readonly threshold: number;
}

/** Options of `costs rerate`. */
export interface RerateOptions {
  readonly config?: string;
  /** Milliseconds since the epoch. */
  readonly from: number;
  readonly to?: number;
  readonly write?: boolean;
}

/** Options of `budgets list`. */
export interface BudgetListOptions extends TargetOptions {
  readonly tenant?: string;
  readonly scope?: string;
  readonly json?: boolean;
}

/** Options of `budgets set`. */
export interface BudgetSetOptions extends TargetOptions {
  readonly scope: string;
  readonly amount: string;
  readonly tenant?: string;
  readonly name?: string;
  readonly window?: string;
  readonly unit: string;
  readonly mode: string;
  readonly description?: string;
}

/** Options of `costs export`. */
export interface ExportOptions extends CostsOptions {
  readonly httpUrl?: string;
  readonly format: string;
  readonly attempts?: boolean;
}

/** Options of `costs`. */
export interface CostsOptions extends TargetOptions {
  /** Milliseconds since the epoch. */
  readonly since?: number;
  readonly until?: number;
  /** Dimensions with commas between them. */
  readonly groupBy?: string;
  readonly persona?: string;
  readonly provider?: string;
  readonly model?: string;
  readonly key?: string;
  readonly tenant?: string;
  readonly endUser?: string;
  /** Each `name=value`. */
  readonly metadata?: readonly string[];
  /** Most rows. */
  readonly limit?: number;
  readonly json?: boolean;
}
