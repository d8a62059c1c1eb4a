//===- ConcatRows.h - the format of weights one below the other -*- C++ -*-===//
#ifndef LUTRA_DIALECTS_LOWBIT_IR_CONCATROWS_H
#define LUTRA_DIALECTS_LOWBIT_IR_CONCATROWS_H

#include "dialects/lowbit/IR/Lowbit.h"

namespace lutra::lowbit {

/// The format that states the rows of weights in `formats` together (lowbit.concat_rows): what all of them say, with
/// scales shared no more than in any. Null when there is none.
WeightFormatInterface getConcatFormat(llvm::ArrayRef<WeightFormatInterface> formats);

} // namespace lutra::lowbit

#endif // LUTRA_DIALECTS_LOWBIT_IR_CONCATROWS_H
