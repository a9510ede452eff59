/** Counts what the spool holds for the database. */
export interface SpoolBound {
  /** Begins to count: the spool's last row, and up to which the database has them. */
  begin(lastSeq: number, shipped: number): void;
  /** Room for one attempt; false if there is none. */
  enter(): boolean;
  /** Gives the room back: the attempt was not opened. */
  leave(): void;
  /** The database has everything up to this row. */
  shipped(seq: number): void;
  backlog(): number;
  isFull(): boolean;
}

/** Creates the count, which tells when the spool is full and when it no longer is. It is full until nine tenths of it are, so that it does not flutter. */
export function createSpoolBound(maxRows: number, onChange: (isFull: boolean) => void): SpoolBound {
  // Every attempt that is opened comes to one row, so the number of the last row there will be is known.
  let lastSeq = 0;
  let shippedSeq = 0;
  let isFull = false;
  const look = (): void => {
    const backlog = lastSeq - shippedSeq;
    const next = isFull ? backlog > maxRows * 0.9 : backlog >= maxRows;
    if (next === isFull) return;
    isFull = next;
    onChange(isFull);
  };
  return {
    begin: (last, shipped) => {
      lastSeq = Math.max(last, shippedSeq);
      shippedSeq = Math.max(shippedSeq, shipped);
      look();
    },
    enter: () => {
      if (isFull) return false;
      lastSeq += 1;
      look();
      return true;
    },
    leave: () => {
      lastSeq -= 1;
      look();
    },
    shipped: (seq) => {
      shippedSeq = Math.max(shippedSeq, seq);
      look();
    },
    backlog: () => Math.max(0, lastSeq - shippedSeq),
    isFull: () => isFull,
  };
}
