//===- LoopTuning.cpp - loops that go by the machine ----------------------===//
//
// Machines of the same instructions differ in how they read memory. What is known of some is here, so that all targets whose host code runs on one make the
// same loops: the order of attention's sums is the loops' (docs/spec/numerics.md, "What is exact and what is not").
//
//===----------------------------------------------------------------------===//
#include "lutra/Pipelines/Pipelines.h"

#include "llvm/ADT/StringRef.h"

using llvm::StringRef;

namespace {
/// Options of the loops that go by the machine, not by its instructions: lutra::LoopOptions says what each is.
struct LoopTuning {
  /// What LLVM's names of the CPUs begin with.
  llvm::StringLiteral cpus;
  int64_t prefetchBytes, streamPrefetchBytes, prefetchLevel, cachePrefetchBytes, cacheHeadBytes, headBytes, rowPasses;
  bool readsAhead, quickPermutes;
};

constexpr LoopTuning kLoopTunings[] = {
    // Zen's own prefetcher reads ahead of each stream into the second cache, and requests far from it mislead it. Of a read loop's speed, products of 1 to 8
    // bits (4096x4096, four streams) have 60 to 80 % where they ask 2048 bytes ahead, 76 to 95 % without asking, 72 to 97 % with 256, and 80 to 97 % with 1024
    // into the second cache, which no format is much below the best with. One stream has 57 to 69 % with up to 1024, and 47 to 65 % with 2048. Others were
    // tuned on Cascade Lake.
    // The first 2048 bytes of the next products' streams, asked for before what lies between: SmolLM2 decodes some 2 % faster (3526 to 3453 us a token), with
    // 1024 and 4096 as well; no effect shows on BitNet's long products.
    // Keys and values of 36 positions of SmolLM2, 9 KB a head, took 180 of 228 us of attention to arrive; what begins the heads read side by side, it takes 140 to 160 in
    // all. Asked for in as long a row, two of three lines do not come.
    // Attention's streams are shorter: with SmolLM2's f32 cache 1.12 times what reading it takes, and 1.29 where floats are asked for 512 bytes ahead.
    // Two passes of up to 24 rows over a weight of codes take less than a panel does (1024x4096 of 4 bits in groups of 128: 25 rows 547 us instead of 617, 32 682 instead
    // of 753, 48 1060 instead of 1096); a third gains 3 % up to 64 rows, and loses 5 % in groups of 32.
    // On Intel's cores vpermt2b and vpermt2w keep the only unit for them busy for two cycles (llvm-mca, sapphirerapids: 3.3 bytes of codes of one plane a
    // cycle with them, and 10.7 without).
    {.cpus = "znver", .prefetchBytes = 512, .streamPrefetchBytes = 1024, .prefetchLevel = 2, .cachePrefetchBytes = 0, .cacheHeadBytes = 16384, .headBytes = 2048, .rowPasses = 2, .readsAhead = true, .quickPermutes = true},
};
} // namespace

lutra::LoopOptions lutra::LoopOptions::getTuned(StringRef cpu) {
  LoopOptions options;
  for (const LoopTuning &tuning : kLoopTunings)
    if (cpu.starts_with(tuning.cpus)) {
      options.prefetchBytes = tuning.prefetchBytes;
      options.streamPrefetchBytes = tuning.streamPrefetchBytes;
      options.prefetchLevel = tuning.prefetchLevel;
      options.cachePrefetchBytes = tuning.cachePrefetchBytes;
      options.cacheHeadBytes = tuning.cacheHeadBytes;
      options.readsAhead = tuning.readsAhead;
      options.headBytes = tuning.headBytes;
      options.rowPasses = tuning.rowPasses;
      options.quickPermutes = tuning.quickPermutes;
    }
  return options;
}
