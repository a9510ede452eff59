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

/** Options of `capabilities`. */
export interface CapabilitiesOptions extends TargetOptions {
  readonly persona?: string;
  readonly provider?: string;
  readonly model?: string;
  readonly json?: boolean;
}
