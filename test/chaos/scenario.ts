/** What a scenario found: a line for the report, and whether it breaks a promise. */
export interface Finding {
  readonly text: string;
  readonly failed?: boolean;
}

/** What a scenario is given. */
export interface ScenarioOptions {
  /** Decides everything random; the same seed plays the same scenario. */
  readonly seed: number;
  /** How many calls, or how long, in the short or the long form. */
  readonly size: number;
  /** Pattern of names: what is run of a scenario that has parts. */
  readonly only?: string;
}

/** One way in which the world misbehaves, and what must hold then. */
export interface Scenario {
  readonly name: string;
  run(options: ScenarioOptions): Promise<readonly Finding[]>;
}
