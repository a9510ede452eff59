import type { AdapterKind } from "../../../src/adapters/adapter.ts";
import type { RecordingRow } from "../../support/recordings.ts";
import type { JsonObject } from "./json.ts";
import type { Normalisation } from "./normalise.ts";
import type { InstanceSend } from "./recorded-wire.ts";

/** A recorded request as the platform sees it: what a caller would send us, and the instance that would send it on. */
export interface RecordedSend extends InstanceSend {
  readonly row: RecordingRow;
  /** The body as it was recorded. */
  readonly body: JsonObject;
}

/** A request as a builder leaves it. */
export interface BuiltRequest {
  /** Below the instance's base URL; a query may follow. */
  readonly path: string;
  readonly body: JsonObject;
}

/** A recorded request that does not leave us as it was recorded, and why. Reviewed by hand; the tests fail on any that is not needed any more. */
export interface RequestException {
  readonly id: string;
  /** The field for which our parser or builder refuses the request, which then does not leave at all. */
  readonly refused?: string;
  /** The fields that had to be taken out because the parser refuses them; the rest of the body is equal. */
  readonly takenOut?: readonly string[];
  /** The paths that differ although the parser takes them; the rest of the body is equal. */
  readonly unequal?: readonly string[];
  readonly reason: string;
}

/** A step of a recorded conversation whose assistant turn is not what our events fold to, and why. */
export interface ConversationException {
  readonly id: string;
  /** `own request`: it does not continue the step before it. `no answer`: the step before it failed. `unequal`: the paths that differ. */
  readonly kind: "own request" | "no answer" | "unequal";
  readonly paths?: readonly string[];
  readonly reason: string;
}

/** What a wire brings to the suite over its recorded requests. */
export interface RequestsUnderTest {
  /** What the printed lines call it: `chat-completions`. */
  readonly label: string;
  /** Every index row of the APIs and providers it claims, whether or not its request was recorded. */
  readonly rows: readonly RecordingRow[];
  readonly kind: AdapterKind;
  /**
   * Parses the recorded body of a row. `without` names fields that are taken out of it first, those of the exceptions' `takenOut`. Throws
   * what the parser throws.
   */
  readonly read: (row: RecordingRow, without: readonly string[]) => RecordedSend;
  /** Sends a request on as far as the adapter's builder. */
  readonly build: (send: RecordedSend) => BuiltRequest;
  readonly normalisation: Normalisation;
  /**
   * For an assistant turn that a recorded client wrote out again: brings the assistant turn of the (normalised) body with the number `turn`,
   * from 0, into a form in which what clients change on the way counts as none.
   */
  readonly normaliseTurn: (body: JsonObject, turn: number) => JsonObject;
  readonly exceptions: readonly RequestException[];
  /** Steps whose turn cannot come from the folded events. Steps whose predecessor was not recorded are listed by the test itself. */
  readonly conversationExceptions: readonly ConversationException[];
}
