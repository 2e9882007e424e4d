/**
 * `pennon`: tables.
 *
 * @module
 */
export type { FieldLike, RecordBatchLike, SchemaLike, TypeLike } from "./arrow/shape.js";
export type { CompactionResult } from "./compact/compactor-options.js";
export type { GarbageItem, GarbageReport, KeptItems } from "./compact/garbage-options.js";
export type { MaintenanceOptions } from "./compact/maintenance-options.js";
export type { MaintenanceStatus, TaskStatus } from "./compact/maintenance-status.js";
export type { OptimizeOutcome } from "./compact/optimize-outcome.js";
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
  StorageError,
  UsageError,
} from "./errors.js";
export type { ScanOptions } from "./scan/scan-snapshot.js";
export type { NewColumn } from "./table/add-columns.js";
export type { Change } from "./table/change.js";
export type { AnyColumnType, ColumnType, ColumnTypes } from "./table/column-type.js";
export {
  binary,
  bool,
  date,
  dateMillisecond,
  decimal,
  decimal256,
  duration,
  fixedSizeBinary,
  float16,
  float32,
  float64,
  int8,
  int16,
  int32,
  int64,
  intervalDayTime,
  intervalYearMonth,
  largeBinary,
  largeUtf8,
  nulls,
  type TimeUnitName,
  time,
  timestamp,
  uint8,
  uint16,
  uint32,
  uint64,
  utf8,
} from "./table/column-types.js";
export { type DetachOptions, type DetachResult, detachTable } from "./table/detach-table.js";
export type { FollowOptions } from "./table/follow-table.js";
export {
  dictionary,
  fixedSizeList,
  list,
  map,
  struct,
  union,
  type VectorKind,
  vector,
} from "./table/nested-column-types.js";
export { type OpenTableOptions, openTable, type PrimaryKey, type SchemaOption } from "./table/open-table.js";
export { type Row, type RowInput, schema, type TableSchema } from "./table/schema.js";
export type { Table } from "./table/table.js";
export type { AtomicRows, ChangedRow, ProducerOptions, PutOptions, PutRows, TableStats } from "./table/table-types.js";
export type { Position } from "./writer/position.js";
export { Producer, type ProducerPutOptions } from "./writer/producer.js";
export type { ProducerHandle } from "./writer/producer-messages.js";
export type { Durability } from "./writer/waiting-put.js";
