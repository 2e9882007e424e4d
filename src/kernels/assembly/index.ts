/**
 * The kernels' WebAssembly module: the exports that `../wasm-kernels.ts` calls. Written in AssemblyScript.
 *
 * The module imports one shared memory and is instantiated on it by several threads at once, so it may hold nothing
 * of its own there: no data segment, no start function, no mutable global, no shadow stack. The build and a test both
 * check the binary. Addresses are u32 bytes in that memory, which may be 4 GiB: an end address can wrap to 0, so
 * loops count items and never compare addresses with an end. Kernels read published bytes and read and write bytes
 * that belong to the caller alone; control words are not their business (those are accessed atomically, elsewhere). The exception is the
 * index of a memtable: its shared words are accessed atomically in key-index.ts.
 */
export { alignBits, countBits, gatherBits, reverseBits } from "./bits";
export { checksumBits, checksumFixed, checksumVar32, checksumVar64 } from "./checksum";
export { gatherFixed, reverseFixed } from "./fixed";
export { indicesValid, indicesValid8, typeIdsValid } from "./ids";
export { keyIndexFind, keyIndexFindLong, keyIndexInsert, keyIndexNewest, keyIndexRebuild } from "./key-index";
export { copy, fill } from "./move";
export { offsetsValid32, offsetsValid64, rebase32, rebase64 } from "./offsets";
export { statisticsDoubles, statisticsFloats, statisticsInts, statisticsLongs } from "./statistics";
export { sumF64, sumI64 } from "./sum";
export { gatherVar32, gatherVar64, reverseVar32, reverseVar64 } from "./var";
