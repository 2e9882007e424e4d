/**
 * The table that is maintained, as plain data.
 *
 * @module
 */
export interface MaintainedTable {
  /** Directory that holds the table. */
  readonly database: string;
  readonly name: string;
  /** `<database>/<name>.lance` */
  readonly tableDirectory: string;
  readonly shardDirectory: string;
  readonly shardId: string;
  readonly primaryKey: readonly string[];
  /** The table's schema, as an encoded schema message. */
  readonly schemaMessage: Uint8Array;
  /** Of the writer's claim: once it is lost, nothing more is done. */
  readonly epoch: number;
  /** True when it is certain that no process is left that has ever held the shard before. */
  readonly predecessorGone: boolean;
}
