/** The ledger cannot be opened where it is wanted. The message says where, why, and what to do. */
export class LedgerOpenError extends Error {
  override readonly name = "LedgerOpenError";
}
