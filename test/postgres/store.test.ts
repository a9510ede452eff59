import { describeAttempts } from "../ledger/attempt-suite.ts";
import { describeLedgerStore } from "../ledger/store-suite.ts";
import { useLedgers } from "./use-ledgers.ts";

const postgres = useLedgers();

const open = async () => postgres.ledgers.open({ database: postgres.ledgers.newDatabase() });

describeLedgerStore("PostgreSQL", open, 2);
describeAttempts("PostgreSQL", open);
