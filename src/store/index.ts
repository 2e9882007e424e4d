/**
 * `pennon/store`: the batch store alone. Needs nothing but apache-arrow.
 *
 * @module
 */
export type { FieldLike, RecordBatchLike, SchemaLike, TypeLike } from "../arrow/shape.js";
export {
  ClosedError,
  ConflictError,
  CorruptError,
  type ErrorCode,
  type FullBound,
  FullError,
  GoneError,
  OutcomeUnknownError,
  PennonError,
  RetryableError,
  TooLargeError,
  UsageError,
} from "../errors.js";
export type { Kernels } from "../kernels/interface.js";
export type { NumberKind, Statistics } from "../kernels/statistics.js";
export type { ArenaMemory } from "./arena.js";
export { BatchIterator, type BatchRange } from "./batch-range.js";
export { BatchStore, type StoreOptions, type WriterOptions } from "./batch-store.js";
export type { StoreHandle } from "./handle.js";
export { type ColumnPath, RawColumn } from "./raw-column.js";
export type { StoreSnapshot } from "./store-ledger.js";
export type { ReaderOptions } from "./store-reader.js";
export type { AppendResult } from "./store-writer.js";
export { StoredBatch } from "./stored-batch.js";
export type { WaitOptions } from "./waiting.js";
